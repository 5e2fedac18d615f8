import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SpaceKeysJson } from '../../src/wire/api-types.ts'
import { spaceOf, startNode, type TestNode } from './node-fixture.ts'

async function fill(node: TestNode): Promise<void> {
  for (let n = 0; n < 20; n++) await node.call('PUT', `/v1/kv/a/${n % 4}/k%ff${n}`, { body: 'value' })
  await node.call('PUT', '/v1/kv/plain', { body: '1' })
  await node.call('PUT', '/v1/kv/plain', { body: '22' })
  await node.call('DELETE', '/v1/kv?prefix=a/3/')
  await node.call('POST', '/v1/sessions', { body: '{"ttlMs":60000}' })
}

/** All pages, with the counts of each prefix added up. */
async function count(node: TestNode, query: string): Promise<{ pages: SpaceKeysJson[]; rows: unknown[] }> {
  const pages: SpaceKeysJson[] = []
  for (let after: string | null = ''; after !== null; after = pages.at(-1)?.next ?? null) {
    const more = after === '' ? '' : `&after=${after}`
    const { status, json } = await node.call('GET', `/v1/space/keys?${query}${more}`)
    assert.equal(status, 200)
    pages.push(json)
  }
  const sums = new Map<string, [number, number]>()
  for (const { prefix = '', items, history } of pages.flatMap(({ prefixes }) => prefixes)) {
    const [live, old] = sums.get(prefix) ?? [0, 0]
    sums.set(prefix, [live + items.count, old + history.count])
  }
  return { pages, rows: [...sums].sort().map(([prefix, sum]) => [prefix, ...sum]) }
}

test('sizes come as the node knows them', async (t) => {
  const node = await startNode(t)
  assert.deepEqual((await node.call('GET', '/v1/space')).json, spaceOf('n1'))
})

test('records are counted by kind and prefix, and pages of any size add up to the same', async (t) => {
  for (const spacePageRecords of [1, 3, 1000]) {
    const node = await startNode(t, { limits: { spacePageRecords } })
    await fill(node)
    const whole = await count(node, 'depth=2')
    assert.deepEqual(whole.rows, [
      ['', 1, 1],
      ['a/0/', 5, 0],
      ['a/1/', 5, 0],
      ['a/2/', 5, 0],
      ['a/3/', 0, 5],
    ])
    const sum = (of: (page: SpaceKeysJson) => number): number =>
      whole.pages.reduce((total, page) => total + of(page), 0)
    assert.deepEqual(
      [sum((page) => page.items.count), sum((page) => page.history.count), sum((page) => page.sessions.count)],
      [16, 6, 1],
    )
    assert.equal(whole.pages.length === 1, spacePageRecords === 1000)
    assert.deepEqual((await count(node, 'prefix=a/')).rows, whole.rows.slice(1))
    assert.deepEqual((await count(node, 'prefix=a/3/k%25')).rows, [])
    assert.deepEqual((await count(node, 'prefix=a/3/k')).rows, [['a/3/k', 0, 5]])
  }
})

test('what is wrong in a question is named', async (t) => {
  const node = await startNode(t)
  for (const [query, wanted] of [
    ['depth=0', /depth.*1 to 16/],
    ['depth=17', /depth.*1 to 16/],
    ['after=xyz', /"next" of another page/],
    ['after=abc', /"next" of another page/],
    [`prefix=${'x'.repeat(1026)}`, /more than 1025 bytes/],
    ['top=3', /Unknown query parameter "top"/],
  ] as const) {
    const { status, json } = await node.call('GET', `/v1/space/keys?${query}`)
    assert.equal(status, 400, query)
    assert.match(json.error.message, wanted)
  }
})

test('a page may begin at any place, as anybody may name it: that stops no node', async (t) => {
  const node = await startNode(t)
  await fill(node)
  for (const after of ['68', `68${'ff'.repeat(8)}`, '68616263000100', '00', 'ff']) {
    for (const prefix of ['', '&prefix=a/']) {
      assert.equal((await node.call('GET', `/v1/space/keys?after=${after}${prefix}`)).status, 200, after)
    }
  }
  assert.equal((await node.call('GET', '/livez')).status, 200)
})
