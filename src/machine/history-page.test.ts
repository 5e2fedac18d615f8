import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { key } from '../../test/machine/arbitraries.ts'
import {
  compareEntries,
  findInPage,
  type HistoryEntry,
  historyPages,
  itemsInPage,
  readHistoryPage,
} from './history-page.ts'
import { historyKey } from './layout.ts'

const entry = fc.record(
  {
    supersededAt: fc.oneof(fc.nat(20), fc.maxSafeNat()),
    key,
    kind: fc.constantFrom('item', 'milestone', 'deletion'),
    /** Small, or more than fits a page with others. */
    record: fc.oneof(fc.uint8Array({ minLength: 24, maxLength: 400 }), fc.constant(new Uint8Array(5000).fill(7))),
  },
  { noNullPrototype: true },
)
const slot = fc
  .uniqueArray(entry, {
    selector: ({ supersededAt, key, kind }) => `${supersededAt} ${kind === 'deletion'} ${key}`,
    maxLength: 60,
  })
  .map((entries): readonly HistoryEntry[] =>
    entries
      .map((each) => (each.kind === 'deletion' ? { ...each, record: new Uint8Array(0) } : each))
      .sort(compareEntries),
  )

test('pages hold what went in, in order, and each item is in the first page that does not end before it', () => {
  fc.assert(
    fc.property(slot, slot, (entries, others) => {
      const pages = [...historyPages(entries)]
      assert.deepEqual(
        pages.flatMap(([, page]) => readHistoryPage(page)),
        entries,
      )
      const viewKeys = pages.map(([viewKey]) => viewKey)
      assert.deepEqual([...new Set(viewKeys)].sort(), viewKeys, 'view keys rise')
      for (const { supersededAt, key, kind, record } of entries) {
        const at = viewKeys.findIndex((viewKey) => viewKey >= historyKey(key, supersededAt))
        const [, page] = pages[at] ?? assert.fail('no page')
        if (kind !== 'deletion') assert.deepEqual(findInPage(page, key, supersededAt), record)
      }
      const isIn = (entry: HistoryEntry): boolean => entries.some((each) => compareEntries(each, entry) === 0)
      for (const other of others.filter((each) => each.kind !== 'deletion' && !isIn(each))) {
        for (const [, page] of pages) assert.equal(findInPage(page, other.key, other.supersededAt), undefined)
      }
    }),
    { numRuns: 500 },
  )
})

test('a page is small, or has one item, with the mark that it was deleted', () => {
  fc.assert(
    fc.property(slot, (entries) => {
      for (const [, page] of historyPages(entries)) {
        const keys = new Set(readHistoryPage(page).map(({ supersededAt, key }) => `${supersededAt} ${key}`))
        // The mark of the last one may go beyond.
        assert.ok(page.length <= 1968 + 15 + 1024 || keys.size === 1, `${keys.size} keys in ${page.length} bytes`)
      }
    }),
    { numRuns: 500 },
  )
})

test('items in a page are counted, and what is no page is told', () => {
  fc.assert(
    fc.property(slot, fc.nat(), (entries, cut) => {
      for (const [, page] of historyPages(entries)) {
        const items = readHistoryPage(page).filter(({ kind }) => kind !== 'deletion').length
        assert.equal(itemsInPage(page), items)
        assert.equal(itemsInPage(page.subarray(0, page.length - 1)), undefined)
        const part = itemsInPage(page.subarray(0, cut % page.length))
        assert.ok(part === undefined || part <= items)
      }
    }),
  )
})
