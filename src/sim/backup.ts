import { KvMachine } from '../machine/kv-machine.ts'
import { metaKey } from '../machine/layout.ts'
import { decodeMeta, encodeMeta, type Meta } from '../machine/records.ts'
import type { Answer, DataQuery } from '../machine/request.ts'
import { isRestored, restoredMeta } from '../machine/restored.ts'
import { firstSlot, type Slot, toSlot } from '../protocol/ids.ts'
import { Overlay } from '../runtime/overlay.ts'
import { StateDisk } from './state-disk.ts'

type Pair = readonly [key: string, value: Uint8Array]

/** Everything that a client of the simulator writes. */
export const everything: DataQuery = {
  ...{ kind: 'range', range: { start: 'k', end: 'l' }, limit: 0 },
  ...{ revision: undefined, keysOnly: false },
}

/** A copy of a node's durable data, and what a cluster begins with that is restored from it. */
export interface Backup {
  /** What a client would have read in it. */
  readonly answer: Extract<Answer, { kind: 'items' }>
  readonly meta: Meta
  readonly pairs: readonly Pair[]
}

/** As a node serves it, page by page. Undefined when it has applied nothing. */
export function takeBackup(disk: StateDisk): Backup | undefined {
  const copy = copyOf(disk)
  const record = copy.view.get(metaKey)
  if (record === undefined) return undefined
  const answer = new KvMachine(new Overlay(copy.view)).query(everything)
  if (answer.kind !== 'items') return undefined
  const meta = restoredMeta(decodeMeta(record), 0)
  const kept = copy.contents().filter(([key]) => isRestored(key))
  return { answer, meta, pairs: [[metaKey, encodeMeta(meta)], ...kept] }
}

function copyOf(disk: StateDisk): StateDisk {
  const snapshot = disk.snapshot(disk.appliedUpTo)
  const pairs: Pair[] = []
  for (let after: string | undefined; ; after = pairs.at(-1)?.[0]) {
    const { entries, done } = snapshot.page(after, pageBytes)
    pairs.push(...entries)
    if (done) break
  }
  snapshot.close()
  const copy = new StateDisk({
    after: () => {},
    fate: () => ({ delayMs: 0, failure: undefined }),
    onStateStored: () => {},
  })
  copy.fill(pairs)
  return copy
}

const pageBytes = 1000

/** Where the log of a cluster begins. */
export function beginningOf(backup: Backup | undefined): Slot {
  return backup === undefined ? firstSlot : toSlot(backup.meta.appliedUpTo)
}
