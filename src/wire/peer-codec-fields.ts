import type { Ballot } from '../protocol/ballot.ts'
import type { Entry } from '../protocol/entry.ts'
import type { EpochNumber, Incarnation, NodeId, Slot } from '../protocol/ids.ts'
import type { SlotEntry, SlotRange, Vote } from '../protocol/multipaxos/message.ts'
import {
  type CborValue,
  readArray,
  readBoolean,
  readBytes,
  readKind,
  readOptional,
  readText,
  readUint,
} from './cbor.ts'
import { badFrame } from './frame-error.ts'

const entryKinds = ['batch', 'noop', 'barrier', 'stopSign'] as const satisfies readonly Entry['kind'][]
const entryKindNumbers = { batch: 0, noop: 1, barrier: 2, stopSign: 3 } as const satisfies Record<Entry['kind'], number>

const ballotItems = 5
const slotEntryItems = 3
const voteItems = 1 + ballotItems + 2 + 1

/** Collects the fields of one message. Ballots, entries and votes are spread flat: fewer items, less to allocate. */
export class FieldWriter {
  readonly fields: CborValue[] = []

  add(...values: readonly CborValue[]): this {
    this.fields.push(...values)
    return this
  }

  ballot(ballot: Ballot): this {
    return this.add(ballot.epoch, ballot.round, ballot.node, ballot.incarnation, ballot.sub)
  }

  range(range: { readonly from: Slot; readonly to: Slot }): this {
    return this.add(range.from, range.to)
  }

  list<T>(items: readonly T[], write: (writer: FieldWriter, item: T) => void): this {
    const inner = new FieldWriter()
    for (const item of items) write(inner, item)
    return this.add(inner.fields)
  }
}

export function writeSlotEntry(writer: FieldWriter, { slot, entry }: SlotEntry): void {
  writer.add(slot, entryKindNumbers[entry.kind], entry.payload)
}

export function writeVote(writer: FieldWriter, vote: Vote): void {
  writer.add(vote.slot).ballot(vote.ballot)
  writer.add(entryKindNumbers[vote.entry.kind], vote.entry.payload, vote.chosen)
}

/**
 * Takes fields in order and checks type and range. Ids are branded here without their minting functions: those assert,
 * and input from outside must give BAD_FRAME instead.
 */
export class FieldReader {
  readonly #items: readonly unknown[]
  readonly #name: string
  #at = 0

  constructor(items: readonly unknown[], name: string) {
    this.#items = items
    this.#name = name
  }

  /** Nothing is left: what comes after was added by a later version. */
  get isAtEnd(): boolean {
    return this.#at >= this.#items.length
  }

  uint(field: string, max?: number): number {
    return readUint(this.#next(field), this.#path(field), max)
  }

  optionalUint(field: string): number | undefined {
    return readOptional(this.#next(field), this.#path(field), (value, path) => readUint(value, path))
  }

  slot(field: string): Slot {
    return this.uint(field) as Slot
  }

  optionalSlot(field: string): Slot | undefined {
    return this.optionalUint(field) as Slot | undefined
  }

  bytes(field: string): Uint8Array {
    return readBytes(this.#next(field), this.#path(field))
  }

  optionalBytes(field: string): Uint8Array | undefined {
    return readOptional(this.#next(field), this.#path(field), (value, path) => readBytes(value, path))
  }

  text(field: string, lengthMax: number): string {
    return readText(this.#next(field), this.#path(field), lengthMax)
  }

  boolean(field: string): boolean {
    return readBoolean(this.#next(field), this.#path(field))
  }

  kind<T>(field: string, kinds: readonly T[]): T {
    return readKind(this.#next(field), this.#path(field), kinds)
  }

  ballot(field: string): Ballot {
    const path = this.#path(field)
    const epoch = readUint(this.#next(field), path)
    if (epoch === 0) throw badFrame(`${path} is of epoch 0`)
    return {
      epoch: epoch as EpochNumber,
      round: readUint(this.#next(field), path),
      // Node 0 is nobody: the ballot below all others.
      node: readUint(this.#next(field), path) as NodeId,
      incarnation: readUint(this.#next(field), path) as Incarnation,
      sub: readUint(this.#next(field), path),
    }
  }

  range(field: string): SlotRange {
    const from = this.slot(field)
    const to = this.slot(field)
    if (from > to) throw badFrame(`${this.#path(field)} ends before it begins`)
    return { from, to }
  }

  entry(): Entry {
    return { kind: this.kind('entry kind', entryKinds), payload: this.bytes('payload') }
  }

  slotEntries(field: string): readonly SlotEntry[] {
    return this.list(field, slotEntryItems, (reader) => ({ slot: reader.slot('slot'), entry: reader.entry() }))
  }

  votes(field: string): readonly Vote[] {
    return this.list(field, voteItems, (reader) => ({
      slot: reader.slot('slot'),
      ballot: reader.ballot('ballot'),
      entry: reader.entry(),
      chosen: reader.boolean('chosen'),
    }))
  }

  /** Elements of `itemsEach` items, one after another in one array. */
  list<T>(
    field: string,
    itemsEach: number,
    read: (reader: FieldReader) => T,
    elementsMax = Number.MAX_SAFE_INTEGER,
  ): readonly T[] {
    const path = this.#path(field)
    const items = readArray(this.#next(field), path, elementsMax * itemsEach)
    if (items.length % itemsEach !== 0) throw badFrame(`${path} is not made of ${itemsEach} items each`)
    const reader = new FieldReader(items, path)
    const elements: T[] = []
    for (let i = 0; i < items.length; i += itemsEach) elements.push(read(reader))
    return elements
  }

  /** A field that is not used in this form of the message. */
  nothing(field: string): void {
    if (this.#next(field) !== null) throw badFrame(`${this.#path(field)} is not null`)
  }

  end(): void {
    if (this.#at !== this.#items.length) throw badFrame(`${this.#name} has fields that nobody knows`)
  }

  #next(field: string): unknown {
    if (this.#at >= this.#items.length) throw badFrame(`${this.#name} ends before ${field}`)
    return this.#items[this.#at++]
  }

  #path(field: string): string {
    return `${this.#name} ${field}`
  }
}
