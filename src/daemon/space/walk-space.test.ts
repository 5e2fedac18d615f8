import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareStrings } from '../../base/order.ts'
import { type HistoryEntry, historyPages, readHistoryPage } from '../../machine/history-page.ts'
import { itemKey, metaKey } from '../../machine/layout.ts'
import { SpaceTally } from '../../machine/prefix-tally.ts'
import type { Key } from '../../machine/request.ts'
import type { SizesWanted, StateSizes } from '../store/state-tree.ts'
import { type Pace, walkSpace } from './walk-space.ts'

const bytes = 10
const keys = ['a/1', 'a/2', 'a/\0', 'b/1', 'b/2'] as Key[]
const revisions = [1, 2, 3000, 2 ** 40]
const entries: HistoryEntry[] = revisions.flatMap((supersededAt) =>
  [...keys].sort(compareStrings).map((key) => ({ supersededAt, key, kind: 'item', record: new Uint8Array(500) })),
)
const pages = new Map(historyPages(entries))
const viewKeys = [metaKey, ...keys.map(itemKey), ...pages.keys()].sort(compareStrings)

function source({ start, end, recordsMax, withValues }: SizesWanted): StateSizes {
  const found = viewKeys.filter((key) => key >= start && (end === undefined || key < end))
  const records = found.slice(0, Math.max(1, recordsMax)).map((key) => {
    const value = pages.get(key)
    return { key, size: value?.length ?? bytes, value: withValues ? value : undefined }
  })
  return { records, done: records.length === found.length }
}

test('the history here takes several pages, of more than one key each', () => {
  assert.ok(pages.size > 2)
  for (const page of pages.values()) assert.ok(readHistoryPage(page).length > 1)
})

for (const recordsMax of [1, 2, 3, 100]) {
  test(`pages of ${recordsMax} count each record of a prefix once, in whatever pages its history lies`, async () => {
    for (const prefix of ['', 'a/', 'a/1', 'b', 'c']) {
      const wanted = new SpaceTally(prefix, 1)
      for (const viewKey of viewKeys) {
        const page = pages.get(viewKey)
        if (page !== undefined) wanted.addHistory(viewKey, page)
        else if (prefix === '' || viewKey.startsWith(`k${prefix}`)) wanted.add(viewKey, bytes)
      }
      const found = { records: 0, items: 0, history: 0 }
      let after: string | undefined
      do {
        let pauses = 0
        const pace: Pace = { recordsMax, sliceMs: 0, pauseMs: () => pauses++, isWanted: () => true }
        const page = await walkSpace(source, { prefix, depth: 1, after }, pace)
        assert.ok(pauses > 0)
        found.records += page.records
        found.items += page.tally.items.bytes
        found.history += page.tally.history.bytes
        after = page.next
      } while (after !== undefined)
      const { items, history, other } = wanted
      const records = items.count + history.count + other.count
      assert.deepEqual(found, { records, items: items.bytes, history: history.bytes }, prefix)
    }
  })
}

test('a walk goes on from any place in the order, as somebody from outside may name it', async () => {
  const pace: Pace = { recordsMax: 100, sliceMs: 1000, pauseMs: () => 0, isWanted: () => true }
  const all = await walkSpace(source, { prefix: 'a/', depth: 1, after: undefined }, pace)
  const items = await walkSpace(source, { prefix: 'a/', depth: 1, after: 'j' }, pace)
  assert.equal(items.records, 3)
  for (const [after, records] of [
    ['', all.records],
    ['g', all.records],
    ['h', all.records],
    [`h${'\xff'.repeat(8)}`, items.records],
    ['i', items.records],
    ['h\0', all.records],
    ['habc', items.records],
    ['z', 0],
  ] as const) {
    const page = await walkSpace(source, { prefix: 'a/', depth: 1, after }, pace)
    assert.deepEqual([page.records, page.next], [records, undefined], JSON.stringify(after))
  }
})
