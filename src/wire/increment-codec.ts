/** Entries of the log as the chunks of an increment hold them: the key is the slot and a letter, the value the payload. */
import { ByteReader, ByteWriter, fromBinary, toBinary } from '../base/bytes.ts'
import type { Entry } from '../protocol/entry.ts'
import { nextSlot, type Slot, toSlot } from '../protocol/ids.ts'
import type { SlotEntry } from '../protocol/multipaxos/message.ts'
import { type BackupEntry, decodeEntries } from './backup-codec.ts'
import { badFrame } from './frame-error.ts'

/** Letters are for ever. */
const letters = { batch: 'b', noop: 'n', barrier: 'r', stopSign: 's' } as const satisfies Record<Entry['kind'], string>
const kinds = new Map(Object.entries(letters).map(([kind, letter]) => [letter, kind as Entry['kind']]))

const keyLength = 9

export function incrementEntry({ slot, entry }: SlotEntry): BackupEntry {
  return [toBinary(new ByteWriter(8).u64(slot).finish()) + letters[entry.kind], entry.payload]
}

/** Slots follow each other. Payloads are views on the chunk. Throws PaxosError BAD_FRAME. */
export function* decodeIncrement(chunk: Uint8Array): Generator<SlotEntry> {
  let next: Slot | undefined
  for (const { key, value } of decodeEntries(chunk)) {
    const kind = kinds.get(key.slice(keyLength - 1) as (typeof letters)[Entry['kind']])
    // Above 2^53 is damage as well.
    if (kind === undefined || key.charCodeAt(0) !== 0 || key.charCodeAt(1) >= 0x20) throw badFrame('no key of a slot')
    const slot = toSlot(new ByteReader(fromBinary(key.slice(0, keyLength - 1))).u64())
    if (next !== undefined && slot !== next) throw badFrame(`slot ${slot} after slot ${next - 1}`)
    next = nextSlot(slot)
    yield { slot, entry: { kind, payload: value } }
  }
}
