import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PaxosError } from '../../base/error.ts'
import { Random } from '../../base/random.ts'
import { type Distribution, KeySpace } from './key-space.ts'

function space(distribution: Distribution, keys: number, keyBytes = 16): KeySpace {
  return new KeySpace({ prefix: 'bench/', keys, keyBytes, distribution, random: new Random(7) })
}

function counts(keys: KeySpace, draws: number): number[] {
  const found = new Map<string, number>()
  for (let draw = 0; draw < draws; draw++) {
    const key = keys.next()
    found.set(key, (found.get(key) ?? 0) + 1)
  }
  return [...found.values()].sort((a, b) => b - a)
}

test('keys have the wanted length, and as many are different as are wanted', () => {
  const keys = space('sequential', 12)
  const drawn = Array.from({ length: 24 }, () => keys.next())
  assert.equal(drawn[11], 'bench/0000000011')
  assert.deepEqual(drawn.slice(12), drawn.slice(0, 12))
  assert.equal(new Set(drawn).size, 12)
})

test('keys that would not be different are refused', () => {
  assert.throws(
    () => space('uniform', 1001, 9),
    (error) => error instanceof PaxosError && error.code === 'USAGE',
  )
  assert.equal(space('uniform', 1000, 9).key(999), 'bench/999')
})

test('a uniform draw meets every key about equally often', () => {
  const found = counts(space('uniform', 100), 100_000)
  assert.equal(found.length, 100)
  assert.ok((found[0] ?? 0) < 1200 && (found[99] ?? 0) > 800, `${found[0]} to ${found[99]}`)
})

test('a Zipf draw has the share of hot keys that Zipf’s law gives', () => {
  const found = counts(space('zipf', 1000), 100_000)
  let zeta = 0
  for (let rank = 1; rank <= 1000; rank++) zeta += rank ** -0.99
  const hottest = (found[0] ?? 0) / 100_000
  assert.ok(Math.abs(hottest * zeta - 1) < 0.05, `the hottest key got ${hottest}, wanted ${1 / zeta}`)
  const ten = found.slice(0, 10).reduce((sum, times) => sum + times, 0) / 100_000
  let wanted = 0
  for (let rank = 1; rank <= 10; rank++) wanted += rank ** -0.99 / zeta
  assert.ok(Math.abs(ten / wanted - 1) < 0.1, `the ten hottest got ${ten}, wanted ${wanted}`)
})

test('the hot keys lie apart, and few keys do not confuse the draw', () => {
  const hot = new Map<string, number>()
  const keys = space('zipf', 1000)
  for (let draw = 0; draw < 50_000; draw++) {
    const key = keys.next()
    hot.set(key, (hot.get(key) ?? 0) + 1)
  }
  const [first, second] = [...hot].sort(([, a], [, b]) => b - a).map(([key]) => Number(key.slice(6)))
  assert.ok(Math.abs((first ?? 0) - (second ?? 0)) > 10, `${first} and ${second}`)
  for (const few of [1, 2, 3]) assert.equal(counts(space('zipf', few), 1000).length, few)
})
