import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpaceWatch } from './space-watch.ts'

const mib = 1024 * 1024

interface World {
  free: number
  used: number
  now: number
}

function create(world: World, stateBytesMax = 100 * mib): { watch: SpaceWatch; said: string[] } {
  const said: string[] = []
  const watch = new SpaceWatch(
    {
      freeBytes: () => Promise.resolve(world.free),
      stateUsage: () => ({ bytes: 2 * world.used, usedBytes: world.used, freeBytes: world.used, records: 1 }),
      now: () => world.now,
    },
    { node: 'n1', freeMinBytes: 64 * mib, stateBytesMax, freeBytes: world.free },
    { warn: (_fields: unknown, message?: string) => void said.push(String(message)) },
  )
  return { watch, said }
}

test('the quota warns first, then closes, and opens again well below it', () => {
  const world = { free: 1000 * mib, used: 0, now: 0 }
  const { watch, said } = create(world)
  const at = (used: number): string | undefined => {
    world.used = used * mib
    watch.lookAtState()
    return watch.refusing
  }
  assert.equal(at(79), undefined)
  assert.deepEqual(said, [])
  assert.equal(at(80), undefined)
  assert.equal(at(99), undefined)
  assert.deepEqual(said.splice(0), ['the data nears its quota'])
  assert.equal(at(100), 'quota')
  assert.match(watch.whyRefusing() ?? '', /data of n1 .* limits.stateBytesMax 100MiB.*log compact/)
  assert.equal(at(95), 'quota')
  assert.equal(at(94), undefined)
  assert.equal(watch.whyRefusing(), undefined)
  assert.deepEqual(said.splice(0), ['the data has reached its quota: refusing writes', 'taking writes again'])
  at(10)
  at(85)
  assert.deepEqual(said, ['the data nears its quota'])
})

test('without a quota nothing is too large', () => {
  const { watch, said } = create({ free: 1000 * mib, used: 1e12, now: 0 }, 0)
  assert.deepEqual([watch.refusing, watch.forecast().quota, said], [undefined, null, []])
})

test('a node that starts on a low disk, or above its quota, refuses at once', () => {
  assert.equal(create({ free: mib, used: 0, now: 0 }).watch.refusing, 'disk')
  assert.equal(create({ free: 1000 * mib, used: 200 * mib, now: 0 }).watch.refusing, 'quota')
})

test('the disk closes and opens at its limit', async () => {
  const world = { free: 65 * mib, used: 0, now: 0 }
  const { watch, said } = create(world)
  world.free = 63 * mib
  await watch.look()
  assert.match(watch.whyRefusing() ?? '', /disk of n1/)
  world.free = 64 * mib
  await watch.look()
  assert.equal(watch.refusing, undefined)
  assert.deepEqual(said, ['the disk is nearly full: refusing writes', 'taking writes again'])
})

test('the forecast names what is full first', async () => {
  const world = { free: 1064 * mib, used: 10 * mib, now: 0 }
  const { watch } = create(world)
  await watch.look()
  assert.equal(watch.forecast().full, null)
  for (let minute = 1; minute <= 10; minute++) {
    world.now = minute * 60_000
    world.free -= mib
    world.used += mib
    await watch.look()
  }
  const { full, growthBytesPerHour, diskLossBytesPerHour } = watch.forecast()
  assert.deepEqual([growthBytesPerHour, diskLossBytesPerHour], [60 * mib, 60 * mib])
  assert.deepEqual(full, { inMs: 80 * 60_000, by: 'quota' })
  world.free = 0
  await watch.look()
  assert.deepEqual(watch.forecast().full, { inMs: 0, by: 'disk' })
})
