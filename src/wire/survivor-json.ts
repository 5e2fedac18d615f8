/** What a node holds, as JSON: on its way to whoever plans a recovery. Payloads are base64: they must come back as they are. */
import { PaxosError } from '../base/error.ts'
import type { Ballot } from '../protocol/ballot.ts'
import { type Entry, entryKinds } from '../protocol/entry.ts'
import type { Epoch } from '../protocol/epoch.ts'
import { epochFields, epochFrom } from '../protocol/epoch-codec.ts'
import { type NodeId, toEpochNumber, toIncarnation, toNodeId, toSlot } from '../protocol/ids.ts'
import type { Vote } from '../protocol/multipaxos/message.ts'
import type { KnownIncarnation, Survivor, SurvivorLog } from '../protocol/recovery/survivor.ts'

type Json = Readonly<Record<string, unknown>>

export function survivorJson(survivor: Survivor): Json {
  return {
    ...survivor,
    epochs: survivor.epochs.map(epochFields),
    logs: survivor.logs.map((log) => ({
      ...log,
      promised: log.promised === undefined ? null : ballotJson(log.promised),
      votes: log.votes.map(({ slot, ballot, entry, chosen }) => ({
        slot,
        ballot: ballotJson(ballot),
        ...entryJson(entry),
        chosen,
      })),
    })),
  }
}

/** Throws PaxosError BAD_FRAME. */
export function readSurvivor(value: unknown): Survivor {
  const from = new JsonReader(value, 'the state')
  return {
    id: toNodeId(from.count('id', 1)),
    name: from.text('name'),
    clusterId: from.text('clusterId'),
    diskId: from.text('diskId'),
    appliedUpTo: toSlot(from.count('appliedUpTo')),
    epochs: from.list('epochs').map(readEpoch),
    logs: from.list('logs').map((each): SurvivorLog => {
      const log = new JsonReader(each, 'a log')
      return {
        epoch: toEpochNumber(log.count('epoch', 1)),
        promised: log.value('promised') === null ? undefined : readBallot(log.value('promised')),
        truncatedUpTo: toSlot(log.count('truncatedUpTo')),
        chosenUpTo: toSlot(log.count('chosenUpTo')),
        heldUpTo: toSlot(log.count('heldUpTo')),
        votes: log.list('votes').map(readVote),
        unknown: log.list('unknown').map((slot) => toSlot(countOf(slot, 'a slot'))),
      }
    }),
    incarnations: from.list('incarnations').map((each) => readIncarnation(new JsonReader(each, 'an incarnation'))),
    met: from.list('met').map((each) => {
      const met = new JsonReader(each, 'a meeting')
      return { ...readIncarnation(met), node: toNodeId(met.count('node', 1)), diskId: met.text('diskId') }
    }),
  }
}

export function ballotJson({ epoch, round, node, incarnation, sub }: Ballot): readonly number[] {
  return [epoch, round, node, incarnation, sub]
}

/** Throws PaxosError BAD_FRAME. */
export function readBallot(value: unknown): Ballot {
  const parts = Array.isArray(value) && value.length === 5 ? value : []
  const [epoch, round, node, incarnation, sub] = parts.map((part) => countOf(part, 'a part of a ballot'))
  if (epoch === undefined || epoch < 1 || round === undefined || node === undefined) throw bad('a ballot')
  return {
    epoch: toEpochNumber(epoch),
    round,
    // Node 0 is the zero ballot's.
    node: node as NodeId,
    incarnation: toIncarnation(incarnation ?? 0),
    sub: sub ?? 0,
  }
}

export function entryJson({ kind, payload }: Entry): Json {
  return { kind, payload64: Buffer.from(payload).toString('base64') }
}

/** Throws PaxosError BAD_FRAME. */
export function readEntry(from: JsonReader): Entry {
  const kind = entryKinds.find((known) => known === from.value('kind'))
  if (kind === undefined) throw bad('the kind of an entry')
  return { kind, payload: new Uint8Array(Buffer.from(from.text('payload64'), 'base64')) }
}

/** Throws PaxosError BAD_FRAME. */
export function readEpoch(value: unknown): Epoch {
  const epoch = epochFrom(value)
  if (epoch === undefined) throw bad('an epoch')
  return epoch
}

function readVote(value: unknown): Vote {
  const from = new JsonReader(value, 'a vote')
  return {
    slot: toSlot(from.count('slot')),
    ballot: readBallot(from.value('ballot')),
    entry: readEntry(from),
    chosen: from.value('chosen') === true,
  }
}

function readIncarnation(from: JsonReader): KnownIncarnation {
  return { incarnation: from.count('incarnation'), incarnationId: from.text('incarnationId') }
}

/** Reads the fields of an object that came from outside. Throws PaxosError BAD_FRAME. */
export class JsonReader {
  readonly #fields: Json
  readonly #what: string

  constructor(value: unknown, what: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(what)
    this.#fields = { ...value }
    this.#what = what
  }

  value(name: string): unknown {
    return this.#fields[name]
  }

  text(name: string): string {
    const value = this.#fields[name]
    if (typeof value !== 'string') throw bad(`"${name}" in ${this.#what}`)
    return value
  }

  count(name: string, min = 0): number {
    return countOf(this.#fields[name], `"${name}" in ${this.#what}`, min)
  }

  list(name: string): readonly unknown[] {
    const value = this.#fields[name]
    if (!Array.isArray(value)) throw bad(`"${name}" in ${this.#what}`)
    return value
  }
}

function countOf(value: unknown, what: string, min = 0): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min) throw bad(what)
  return value
}

function bad(what: string): PaxosError {
  return new PaxosError('BAD_FRAME', `${what} is missing or malformed`)
}
