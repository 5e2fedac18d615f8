import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../base/random.ts'
import type { ReadView } from '../machine/view.ts'
import { Overlay } from './overlay.ts'

type Pair = readonly [string, Uint8Array]

/** A view that counts the walks that were begun and not ended. */
class Below implements ReadView {
  readonly data = new Map<string, Uint8Array>()
  open = 0

  get(key: string): Uint8Array | undefined {
    return this.data.get(key)
  }

  *range(start: string, end: string | undefined): Generator<Pair> {
    this.open++
    try {
      for (const key of [...this.data.keys()]
        .filter((each) => each >= start && (end === undefined || each < end))
        .sort()) {
        const value = this.data.get(key)
        if (value !== undefined) yield [key, value]
      }
    } finally {
      this.open--
    }
  }

  commit(changes: ReadonlyMap<string, Uint8Array | null>): void {
    for (const [key, value] of changes) {
      if (value === null) this.data.delete(key)
      else this.data.set(key, value)
    }
  }
}

const value = (n: number): Uint8Array => Uint8Array.of(n)
const flat = (pairs: Iterable<Pair>): readonly string[] => [...pairs].map(([key, bytes]) => `${key}=${bytes.join()}`)

test('the active layer hides the one in flight, which hides the view below', () => {
  const below = new Below()
  below.commit(
    new Map([
      ['a', value(1)],
      ['b', value(1)],
      ['c', value(1)],
      ['d', value(1)],
    ]),
  )
  const overlay = new Overlay(below)
  overlay.put('b', value(2))
  overlay.delete('c')
  overlay.put('e', value(2))
  overlay.take()
  overlay.put('a', value(3))
  overlay.put('c', value(3))
  overlay.delete('e')
  assert.deepEqual(flat(overlay.range('', undefined)), ['a=3', 'b=2', 'c=3', 'd=1'])
  assert.deepEqual(overlay.get('c'), value(3))
  assert.deepEqual(overlay.get('b'), value(2))
  assert.equal(overlay.get('e'), undefined)
  assert.deepEqual(flat(overlay.range('b', 'd')), ['b=2', 'c=3'])
})

test('what was taken stays visible until it is settled, and nothing changes then', () => {
  const below = new Below()
  const overlay = new Overlay(below)
  overlay.put('a', value(1))
  const taken = overlay.take()
  assert.equal(overlay.dirtyKeys, 0)
  assert.deepEqual(overlay.get('a'), value(1))
  below.commit(taken)
  assert.deepEqual(flat(overlay.range('', undefined)), ['a=1'])
  overlay.settle()
  assert.deepEqual(flat(overlay.range('', undefined)), ['a=1'])
})

test('taking twice without settling is a bug, and so is settling nothing', () => {
  const overlay = new Overlay(new Below())
  assert.throws(() => overlay.settle(), /no layer in flight/)
  overlay.take()
  assert.throws(() => overlay.take(), /two layers in flight/)
})

test('dirty keys are counted once, bytes as often as they were set', () => {
  const overlay = new Overlay(new Below())
  overlay.put('key', new Uint8Array(10))
  overlay.put('key', new Uint8Array(4))
  overlay.delete('other')
  assert.equal(overlay.dirtyKeys, 2)
  assert.equal(overlay.dirtyBytes, 13 + 7 + 5)
  overlay.delete('key')
  assert.equal(overlay.dirtyBytes, 13 + 7 + 5 + 3)
  overlay.take()
  assert.equal(overlay.dirtyBytes, 0)
})

test('reset drops what was written and what was taken', () => {
  const below = new Below()
  const overlay = new Overlay(below)
  overlay.put('a', value(1))
  overlay.take()
  overlay.put('b', value(1))
  overlay.reset()
  assert.deepEqual(flat(overlay.range('', undefined)), [])
  assert.equal(overlay.get('a'), undefined)
  overlay.take()
})

test('a walk sees what is deleted and put ahead of it', () => {
  const below = new Below()
  below.commit(new Map(Array.from({ length: 20 }, (_, i) => [`k${String(i).padStart(2, '0')}`, value(i)])))
  const overlay = new Overlay(below)
  const seen: string[] = []
  for (const [key] of overlay.range('', undefined)) {
    seen.push(key)
    overlay.delete(key)
    if (key === 'k05') {
      overlay.delete('k06')
      overlay.put('k06x', value(1))
      overlay.put('k01x', value(1))
    }
  }
  const wanted = Array.from({ length: 20 }, (_, i) => `k${String(i).padStart(2, '0')}`)
  wanted.splice(6, 1, 'k06x')
  assert.deepEqual(seen, wanted)
  assert.deepEqual(flat(overlay.range('', undefined)), ['k01x=1'])
})

test('no walk below is left open between steps or after leaving early', () => {
  const below = new Below()
  below.commit(new Map(Array.from({ length: 1000 }, (_, i) => [String(i), value(1)])))
  const overlay = new Overlay(below)
  let steps = 0
  for (const _ of overlay.range('', undefined)) {
    assert.equal(below.open, 0)
    if (++steps === 500) break
  }
  assert.equal(below.open, 0)
})

test('random use agrees with a plain sorted map', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed)
    const below = new Below()
    const overlay = new Overlay(below)
    const model = new Map<string, Uint8Array>()
    let taken: ReadonlyMap<string, Uint8Array | null> | undefined
    const randomKey = (): string => random.integer(0, 300).toString(36)
    for (let step = 0; step < 1500; step++) {
      const key = randomKey()
      const act = random.integer(0, 100)
      if (act < 50) {
        const bytes = value(random.integer(0, 256))
        overlay.put(key, bytes)
        model.set(key, bytes)
      } else if (act < 80) {
        overlay.delete(key)
        model.delete(key)
      } else if (act < 84) {
        if (taken === undefined) {
          taken = overlay.take()
        } else {
          below.commit(taken)
          overlay.settle()
          taken = undefined
        }
      } else if (act < 92) {
        assert.deepEqual(overlay.get(key), model.get(key))
      } else {
        const end = random.chance(0.2) ? undefined : randomKey()
        const wanted = [...model].filter(([each]) => each >= key && (end === undefined || each < end))
        wanted.sort(([a], [b]) => (a < b ? -1 : 1))
        assert.deepEqual(flat(overlay.range(key, end)), flat(wanted), `seed ${seed} step ${step}`)
      }
    }
  }
})
