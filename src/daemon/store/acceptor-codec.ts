/** Bodies of the records of the acceptor environment. Decoders throw BytesError on what no encoder here writes. */
import { ByteReader, BytesError, ByteWriter } from '../../base/bytes.ts'
import type { Ballot } from '../../protocol/ballot.ts'
import type { Entry } from '../../protocol/entry.ts'
import { type NodeId, type Slot, toEpochNumber, toIncarnation, toSlot } from '../../protocol/ids.ts'
import type { Vote } from '../../protocol/multipaxos/message.ts'
import { emptyRecord, recordHeaderBytes, sealRecord } from './record.ts'

const kinds = ['batch', 'noop', 'barrier', 'stopSign'] as const satisfies readonly Entry['kind'][]
const chosenFlag = 0x80
const ballotBytes = 40

/** Flags and kind in one byte, the ballot, the payload. */
export function encodeVote(key: Uint8Array, vote: Omit<Vote, 'slot'>): Buffer {
  const { payload, kind } = vote.entry
  const head = writeBallot(
    new ByteWriter(1 + ballotBytes).u8(kinds.indexOf(kind) | (vote.chosen ? chosenFlag : 0)),
    vote.ballot,
  ).finish()
  const record = emptyRecord(head.length + payload.length)
  record.set(head, recordHeaderBytes)
  record.set(payload, recordHeaderBytes + head.length)
  return sealRecord(key, record)
}

export function decodeVote(slot: Slot, body: Uint8Array): Vote {
  const reader = new ByteReader(body)
  const flags = reader.u8()
  const kind = kinds[flags & ~chosenFlag]
  if (kind === undefined) throw new BytesError(`no such kind of entry: ${flags & ~chosenFlag}`)
  const ballot = readBallot(reader)
  const payload = reader.raw(reader.remaining)
  return { slot, ballot, entry: { kind, payload }, chosen: (flags & chosenFlag) !== 0 }
}

export function encodeBallot(ballot: Ballot): Uint8Array {
  return writeBallot(new ByteWriter(ballotBytes), ballot).finish()
}

export function decodeBallot(body: Uint8Array): Ballot {
  const reader = new ByteReader(body)
  const ballot = readBallot(reader)
  reader.end()
  return ballot
}

export function encodeCount(count: number): Uint8Array {
  return new ByteWriter(8).u64(count).finish()
}

export function decodeCount(body: Uint8Array): number {
  const reader = new ByteReader(body)
  const count = reader.u64()
  reader.end()
  return count
}

function writeBallot(writer: ByteWriter, ballot: Ballot): ByteWriter {
  return writer.u64(ballot.epoch).u64(ballot.round).u64(ballot.node).u64(ballot.incarnation).u64(ballot.sub)
}

function readBallot(reader: ByteReader): Ballot {
  const epoch = reader.u64()
  if (epoch < 1) throw new BytesError('epoch 0 in a ballot')
  return {
    epoch: toEpochNumber(epoch),
    round: reader.u64(),
    // Node 0 is the zero ballot's: what was learned without a vote.
    node: reader.u64() as NodeId,
    incarnation: toIncarnation(reader.u64()),
    sub: reader.u64(),
  }
}

export function slotOf(body: Uint8Array): Slot {
  return toSlot(decodeCount(body))
}
