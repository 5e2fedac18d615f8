import { unreachable } from '../base/assert.ts'
import type { Slot } from '../protocol/ids.ts'
import type { Decided, Message } from '../protocol/multipaxos/message.ts'
import { badFrame } from './frame-error.ts'
import { type FieldReader, type FieldWriter, writeSlotEntry, writeVote } from './peer-codec-fields.ts'

/** Messages of the Multi-Paxos engine as small integers. Numbers are for ever: new kinds get new ones. */
export const consensusKinds = {
  prepare: 0,
  promise: 1,
  nack: 2,
  accept: 3,
  accepted: 4,
  heartbeat: 5,
  heartbeatAck: 6,
  catchup: 7,
  catchupReply: 8,
  survey: 9,
  surveyReply: 10,
  release: 11,
  readIndex: 12,
  readIndexReply: 13,
  decide: 14,
} as const satisfies Record<Message['kind'], number>

/** A promise has a part per frame, and no log is that long. */
const partsMax = 65_536

export function writeConsensus(to: FieldWriter, message: Message): void {
  switch (message.kind) {
    case 'prepare':
      to.ballot(message.ballot).add(message.attempt, message.fromSlot)
      return
    case 'promise':
      to.ballot(message.ballot).add(message.attempt, message.part, message.parts)
      to.add(message.truncatedUpTo, message.chosenUpTo)
      to.list(message.votes, writeVote).add(message.unknown)
      return
    case 'nack':
      to.ballot(message.ballot).ballot(message.promised).add(message.leaseMs)
      return
    case 'accept':
      writeDecided(to.ballot(message.ballot), message.decided)
      to.list(message.entries, writeSlotEntry)
      return
    case 'accepted':
      to.ballot(message.ballot).list(message.ranges, (writer, range) => writer.range(range))
      return
    case 'decide':
      writeDecided(to.ballot(message.ballot), message.decided)
      return
    case 'heartbeat':
      writeDecided(to.ballot(message.ballot).add(message.seq), message.decided)
      return
    case 'heartbeatAck':
      to.ballot(message.ballot).add(message.seq, message.chosenUpTo)
      return
    case 'catchup':
      to.range(message.range)
      return
    case 'catchupReply':
      to.add(message.truncatedUpTo, message.chosenUpTo).list(message.entries, writeSlotEntry)
      return
    case 'survey':
      to.add(message.round)
      return
    case 'surveyReply':
      to.add(message.round).ballot(message.ballot).ballot(message.leader)
      to.add(message.happy, message.chosenUpTo, message.durableUpTo)
      return
    case 'release':
      to.ballot(message.ballot)
      return
    case 'readIndex':
      to.add(message.id)
      return
    case 'readIndexReply':
      to.add(message.id, message.upTo)
      return
    default:
      unreachable(message)
  }
}

export function readConsensus(kind: Message['kind'], from: FieldReader): Message {
  switch (kind) {
    case 'prepare':
      return { kind, ballot: from.ballot('ballot'), attempt: from.uint('attempt'), fromSlot: from.slot('fromSlot') }
    case 'promise':
      return readPromise(from)
    case 'nack':
      return { kind, ballot: from.ballot('ballot'), promised: from.ballot('promised'), leaseMs: from.uint('leaseMs') }
    case 'accept':
      return { kind, ballot: from.ballot('ballot'), decided: readDecided(from), entries: from.slotEntries('entries') }
    case 'accepted': {
      const ballot = from.ballot('ballot')
      return { kind, ballot, ranges: from.list('ranges', 2, (reader) => reader.range('range')) }
    }
    case 'decide':
      return { kind, ballot: from.ballot('ballot'), decided: readDecided(from) }
    case 'heartbeat':
      return { kind, ballot: from.ballot('ballot'), seq: from.uint('seq'), decided: readDecided(from) }
    case 'heartbeatAck':
      return { kind, ballot: from.ballot('ballot'), seq: from.uint('seq'), chosenUpTo: from.slot('chosenUpTo') }
    case 'catchup':
      return { kind, range: from.range('range') }
    case 'catchupReply': {
      const truncatedUpTo = from.slot('truncatedUpTo')
      return { kind, truncatedUpTo, chosenUpTo: from.slot('chosenUpTo'), entries: from.slotEntries('entries') }
    }
    case 'survey':
      return { kind, round: from.uint('round') }
    case 'surveyReply':
      return readSurveyReply(from)
    case 'release':
      return { kind, ballot: from.ballot('ballot') }
    case 'readIndex':
      return { kind, id: from.uint('id') }
    case 'readIndexReply':
      return { kind, id: from.uint('id'), upTo: from.optionalSlot('upTo') }
    default:
      return unreachable(kind)
  }
}

function readPromise(from: FieldReader): Message {
  const ballot = from.ballot('ballot')
  const attempt = from.uint('attempt')
  const part = from.uint('part')
  const parts = from.uint('parts', partsMax)
  if (part >= parts) throw badFrame('promise part is not below parts')
  return {
    kind: 'promise',
    ballot,
    attempt,
    part,
    parts,
    truncatedUpTo: from.slot('truncatedUpTo'),
    chosenUpTo: from.slot('chosenUpTo'),
    votes: from.votes('votes'),
    unknown: from.list('unknown', 1, (reader): Slot => reader.slot('slot')),
  }
}

function readSurveyReply(from: FieldReader): Message {
  return {
    kind: 'surveyReply',
    round: from.uint('round'),
    ballot: from.ballot('ballot'),
    leader: from.ballot('leader'),
    happy: from.boolean('happy'),
    chosenUpTo: from.slot('chosenUpTo'),
    durableUpTo: from.slot('durableUpTo'),
  }
}

function writeDecided(to: FieldWriter, decided: Decided): void {
  to.range({ from: decided.from, to: decided.upTo })
}

function readDecided(reader: FieldReader): Decided {
  const { from, to } = reader.range('decided')
  return { from, upTo: to }
}
