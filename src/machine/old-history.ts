import { deletionKey, historyFrom, historyKey, itemKey, keyOfOldHistory, supersededAtOf } from './layout.ts'
import { createRevisionOf } from './records.ts'
import type { View } from './view.ts'

/** Puts the history of an earlier version where it is looked for now. All of it is in memory until the view is flushed. */
export function moveOldHistory(view: View): void {
  const { start, end } = historyFrom(0)
  const records = [...view.range(start, end)].map(([viewKey, record]) => ({
    ...{ viewKey, record },
    key: keyOfOldHistory(viewKey),
    supersededAt: supersededAtOf(viewKey),
  }))
  records.forEach(({ viewKey, record, key, supersededAt }, at) => {
    // By keys, and of each from its first revision on.
    const next = records[at + 1]
    const replacement = next?.key === key ? next.record : view.get(itemKey(key))
    view.delete(viewKey)
    view.put(historyKey(key, supersededAt), record)
    // Of one life are those that were created together.
    const isReplaced = replacement !== undefined && createRevisionOf(replacement) === createRevisionOf(record)
    if (!isReplaced) view.put(deletionKey(key, supersededAt), new Uint8Array(0))
  })
}
