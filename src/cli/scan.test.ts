import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Lister, prefixEnd, scan } from './scan.ts'

interface Entry {
  readonly key: Uint8Array
}

/** A store of keys that answers like a cluster whose revision rises with every question. */
function lister(keys: readonly Uint8Array[]): { client: Lister<Entry>; revisions: (number | undefined)[] } {
  const sorted = [...keys].sort(Buffer.compare)
  const revisions: (number | undefined)[] = []
  let revision = 10
  const client: Lister<Entry> = {
    list: async ({ start, end, limit, revision: wanted }) => {
      revisions.push(wanted)
      const from = sorted.filter((key) => start === undefined || Buffer.compare(key, start) >= 0)
      const found = from.filter((key) => end === undefined || Buffer.compare(key, end) < 0)
      return { items: found.slice(0, limit).map((key) => ({ key })), more: found.length > limit, revision: revision++ }
    },
  }
  return { client, revisions }
}

const keySet = fc.uniqueArray(fc.uint8Array({ minLength: 1, maxLength: 3 }), {
  selector: (key) => Buffer.from(key).toString('hex'),
})

test('paging gives every key of the range once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      keySet,
      fc.uint8Array({ maxLength: 2 }),
      fc.integer({ min: 1, max: 4 }),
      async (keys, prefix, limit) => {
        const found: string[] = []
        for await (const page of scan(lister(keys).client, { prefix }, limit)) {
          for (const item of page.items) found.push(Buffer.from(item.key).toString('hex'))
        }
        const hex = Buffer.from(prefix).toString('hex')
        assert.deepEqual(
          found,
          keys
            .map((key) => Buffer.from(key).toString('hex'))
            .filter((key) => key.startsWith(hex))
            .sort(),
        )
      },
    ),
  )
})

test('every page after the first is read at the revision of the first', async () => {
  const { client, revisions } = lister(['a', 'b', 'c'].map((key) => Buffer.from(key)))
  for await (const _ of scan(client, {}, 1));
  assert.deepEqual(revisions, [undefined, 10, 10])
})

test('the end of a prefix is the next key without it', () => {
  assert.deepEqual(prefixEnd(Buffer.from('ab')), Uint8Array.from(Buffer.from('ac')))
  assert.deepEqual(prefixEnd(Uint8Array.of(1, 255, 255)), Uint8Array.of(2))
  assert.equal(prefixEnd(Uint8Array.of(255, 255)), undefined)
})
