import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Bench, toKey } from '../../test/machine/fixtures.ts'
import { itemKey } from '../machine/layout.ts'
import { encodeItem } from '../machine/records.ts'
import type { Query } from '../machine/request.ts'
import { type NodeId, toNodeId } from '../protocol/ids.ts'
import { ContentComparison, type ContentVerdict } from './content-comparison.ts'
import { contentPage, contentParts } from './content-parts.ts'
import { contentPartsMax } from './peer-message.ts'

/** Machines that all wrote the same keys, in the same order. */
function machines(count: number, keys: readonly string[]): readonly Bench[] {
  return Array.from({ length: count }, () => {
    const bench = new Bench()
    for (const key of keys) bench.put(key, `value of ${key}`)
    return bench
  })
}

/** Changes what lies on the disk, behind the machine's back. */
function spoil({ view }: Bench, key: string, value = 'spoilt'): void {
  view.put(itemKey(toKey(key)), encodeItem(1, 1, 1, new Uint8Array(Buffer.from(value))))
}

/** From the first machine's view; undefined is a member that does not answer. */
function compare(
  benches: readonly (Bench | undefined)[],
  revision: number,
  start = '',
): ContentVerdict & { rounds: number; next: string | undefined } {
  const ask = (bench: Bench | undefined) => (query: Query) => bench?.machine.query(query) ?? assert.fail('nobody')
  const page = contentPage(ask(benches[0]), revision, start)
  assert.ok(!('kind' in page), JSON.stringify(page))
  const ids = benches.map((_, at) => toNodeId(at + 1))
  const keys = page.items.map(({ key }) => key)
  const comparison = new ContentComparison(ids, keys, { start, end: page.end })
  let rounds = 0
  for (let wanted = comparison.next(); wanted !== undefined; wanted = comparison.next()) {
    assert.ok(wanted.bounds.length <= contentPartsMax)
    assert.ok(++rounds <= 6, 'it does not end')
    const bounds = wanted
    const asked: readonly NodeId[] = comparison.asked.filter((id) => benches[id - 1] !== undefined)
    comparison.add(new Map(asked.map((id) => [id, contentParts(ask(benches[id - 1]), revision, bounds)])))
  }
  return { ...comparison.verdict(), rounds, next: page.end }
}

const states = ({ members }: Pick<ContentVerdict, 'members'>): string[] => members.map(({ state }) => state)
const manyKeys = Array.from({ length: 2500 }, (_, at) => `k${String(at).padStart(5, '0')}`)

test('the same data are the same, page by page', () => {
  const benches = machines(3, manyKeys)
  let pages = 0
  let start: string | undefined = ''
  while (start !== undefined) {
    const found = compare(benches, 2500, start)
    assert.deepEqual([found.verdict, states(found), found.rounds], ['same', ['same', 'same', 'same'], 1])
    start = found.next
    pages++
  }
  assert.equal(pages, 3)
})

test('they are compared at a revision of the past, whatever was written since', () => {
  const benches = machines(3, ['a', 'b', 'c'])
  benches[0]?.put('b', 'newer')
  benches[1]?.put('d', 'another')
  assert.equal(compare(benches, 3).verdict, 'same')
})

test('the key whose value was changed behind the machine is found', () => {
  const benches = machines(3, manyKeys)
  spoil(benches[2] as Bench, 'k00777')
  const found = compare(benches, 2500)
  assert.deepEqual([found.verdict, states(found)], ['diverged', ['same', 'same', 'diverged']])
  assert.deepEqual(found.first, { start: 'k00777', end: 'k00778' })
  assert.ok(found.rounds <= 3, `${found.rounds} rounds`)
})

test('wherever a key is missing, added or changed, it is found there', () => {
  const keys = manyKeys.slice(0, 300)
  const benches = machines(3, keys)
  fc.assert(
    fc.property(fc.nat(299), fc.nat(2), fc.constantFrom('changed', 'missing', 'added'), (at, who, how) => {
      const key = keys[at] as string
      const { view } = benches[who] as Bench
      const before = view.get(itemKey(toKey(key))) as Uint8Array
      if (how === 'changed') spoil(benches[who] as Bench, key)
      else if (how === 'missing') view.delete(itemKey(toKey(key)))
      else spoil(benches[who] as Bench, `${key}+`)
      const { first, ...found } = compare(benches, 300)
      view.put(itemKey(toKey(key)), before)
      view.delete(itemKey(toKey(`${key}+`)))
      assert.equal(states(found)[who], 'diverged')
      const wrong = how === 'added' ? `${key}+` : key
      assert.ok(first !== undefined && first.start <= wrong && (first.end === undefined || wrong < first.end))
      const between = keys.filter((each) => each >= first.start && (first.end === undefined || each < first.end))
      assert.ok(between.length <= 2, between.join())
    }),
    { numRuns: 60 },
  )
})

test('a member with far more keys in the range differs, and reads no more than it must', () => {
  const benches = machines(3, ['a', 'z'])
  for (const key of manyKeys) spoil(benches[1] as Bench, key)
  const found = compare(benches, 2)
  assert.deepEqual(states(found), ['same', 'diverged', 'same'])
  assert.deepEqual(found.first, { start: 'a', end: 'z' })
})

test('without a majority nobody is named, and too few know nothing', () => {
  const benches = machines(2, ['a'])
  spoil(benches[1] as Bench, 'a')
  assert.deepEqual(states(compare(benches, 1)), ['differs', 'differs'])
  const few = compare([...machines(1, ['a']), undefined, undefined], 1)
  assert.deepEqual([few.verdict, states(few)], ['unknown', ['same', 'silent', 'silent']])
})

test('a member that is behind or has compacted says so, and the others are compared', () => {
  const benches = machines(3, ['a', 'b', 'c'])
  for (const bench of benches.slice(0, 2)) bench.put('c', 'more')
  const behind = compare(benches, 4)
  assert.deepEqual([behind.verdict, states(behind)], ['same', ['same', 'same', 'behind']])
  benches[2]?.one({ kind: 'compact', revision: 3 })
  const compacted = compare(benches, 2)
  assert.deepEqual([compacted.verdict, states(compacted)], ['same', ['same', 'same', 'compacted']])
})
