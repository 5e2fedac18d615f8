import { assert } from '../../base/assert.ts'
import { keyAfter } from '../../base/order.ts'
import { historyRange, itemRange } from '../../machine/layout.ts'
import { SpaceTally } from '../../machine/prefix-tally.ts'
import { prefixRange } from '../../wire/key-range.ts'
import type { SizesWanted, StateSizes } from '../store/state-tree.ts'

/** Where sizes of records are read from: a running node's store, or a stopped one's. */
export type SizeSource = (wanted: SizesWanted) => StateSizes

export interface SpaceWalk {
  /** Only keys that begin with it, and their history. Empty: every record. */
  readonly prefix: string
  readonly depth: number
  /** View key of the last record that was counted, or any other place in the order of view keys. */
  readonly after: string | undefined
}

export interface SpacePage {
  readonly tally: SpaceTally
  readonly records: number
  /** Where to go on; undefined at the end. */
  readonly next: string | undefined
}

export interface Pace {
  /** Records of the store, read for one page. */
  readonly recordsMax: number
  /** How long the node may do nothing else. */
  readonly sliceMs: number
  /** How long it then does other things. */
  pauseMs(): number
  /** False when nobody wants the page any more. */
  isWanted(): boolean
}

const sliceRecords = 256
const sliceBytes = 1024 * 1024
/** What one page may read. */
const pageBytesMax = 64 * 1024 * 1024

/**
 * Counts the records after `after`, up to the end of a page. No transaction is kept open meanwhile, so what is written while
 * it goes on may be counted or not.
 */
export async function walkSpace(source: SizeSource, walk: SpaceWalk, pace: Pace): Promise<SpacePage> {
  const tally = new SpaceTally(walk.prefix, walk.depth)
  let records = 0
  let read = 0
  let bytes = 0
  let after = walk.after
  let sliceEnd = performance.now() + pace.sliceMs
  for (const range of rangesOf(walk)) {
    if (after !== undefined && range.end !== undefined && after >= range.end) continue
    let start = after === undefined || after < range.start ? range.start : keyAfter(after)
    for (;;) {
      if (performance.now() >= sliceEnd) {
        await new Promise((resolve) => setTimeout(resolve, pace.pauseMs()))
        sliceEnd = performance.now() + pace.sliceMs
      }
      if (read >= pace.recordsMax || bytes >= pageBytesMax || !pace.isWanted()) return { tally, records, next: after }
      const recordsMax = Math.min(sliceRecords, pace.recordsMax - read)
      const { isHistory } = range
      const slice = source({ start, end: range.end, recordsMax, bytesMax: sliceBytes, withValues: isHistory })
      for (const { key, size, value } of slice.records) {
        if (isHistory) {
          assert(value !== undefined, 'a page of the history was read without its value')
          records += tally.addHistory(key, value)
        } else {
          tally.add(key, size)
          records++
        }
        bytes += key.length + size
        after = key
      }
      read += slice.records.length
      if (slice.done) break
      assert(after !== undefined, 'a slice that is not the last is not empty')
      start = keyAfter(after)
    }
  }
  return { tally, records, next: undefined }
}

/** Rising ranges of view keys. The history is ordered by revisions: that of a prefix is all over it. */
function rangesOf({
  prefix,
}: SpaceWalk): readonly { readonly start: string; readonly end: string | undefined; readonly isHistory: boolean }[] {
  const history = { ...historyRange, isHistory: true }
  if (prefix !== '') return [history, { ...itemRange(prefixRange(prefix)), isHistory: false }]
  return [
    { start: '', end: historyRange.start, isHistory: false },
    history,
    { start: historyRange.end, end: undefined, isHistory: false },
  ]
}
