import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from './random.ts'
import { SortedKeys } from './sorted-keys.ts'

test('keys come back in order whatever the order of inserts', () => {
  for (const order of ['rising', 'falling', 'random'] as const) {
    const keys = new SortedKeys()
    const wanted = Array.from({ length: 3000 }, (_, i) => String(i).padStart(5, '0'))
    const inserts = [...wanted]
    if (order === 'falling') inserts.reverse()
    if (order === 'random') shuffle(inserts, new Random(7))
    for (const key of inserts) assert.equal(keys.add(key), true)
    assert.equal(keys.size, 3000)
    assert.equal(keys.first(), '00000')
    assert.deepEqual([...keys.range('', undefined)], wanted, order)
  }
})

test('a key is added once and deleted once', () => {
  const keys = new SortedKeys()
  assert.equal(keys.first(), undefined)
  assert.equal(keys.add('a'), true)
  assert.equal(keys.add('a'), false)
  assert.equal(keys.has('a'), true)
  assert.equal(keys.delete('b'), false)
  assert.equal(keys.delete('a'), true)
  assert.equal(keys.delete('a'), false)
  assert.equal(keys.has('a'), false)
  assert.equal(keys.size, 0)
  assert.deepEqual([...keys.range('', undefined)], [])
})

test('a range includes its start and excludes its end', () => {
  const keys = new SortedKeys()
  for (const key of ['a', 'b', 'c', 'd']) keys.add(key)
  assert.deepEqual([...keys.range('b', 'd')], ['b', 'c'])
  assert.deepEqual([...keys.range('bb', undefined)], ['c', 'd'])
  assert.deepEqual([...keys.range('d', 'b')], [])
  assert.deepEqual([...keys.range('e', undefined)], [])
})

test('random inserts, deletes and ranges agree with a plain set', () => {
  const random = new Random(11)
  const keys = new SortedKeys()
  const model = new Set<string>()
  for (let step = 0; step < 20_000; step++) {
    const key = random.integer(0, 4000).toString(36)
    if (random.chance(step < 10_000 ? 0.7 : 0.3)) {
      assert.equal(keys.add(key), !model.has(key))
      model.add(key)
    } else {
      assert.equal(keys.delete(key), model.delete(key))
    }
    if (step % 500 === 0) {
      const start = random.integer(0, 4000).toString(36)
      const end = random.integer(0, 4000).toString(36)
      const wanted = [...model].filter((each) => each >= start && each < end).sort()
      assert.deepEqual([...keys.range(start, end)], wanted)
      assert.equal(keys.size, model.size)
      assert.equal(keys.first(), [...model].sort()[0])
    }
  }
})

function shuffle(items: string[], random: Random): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.integer(0, i + 1)
    const a = items[i] ?? ''
    items[i] = items[j] ?? ''
    items[j] = a
  }
}
