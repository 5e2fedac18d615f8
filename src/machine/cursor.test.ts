import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cursor } from './cursor.ts'
import type { ReadView } from './view.ts'

const names = Array.from({ length: 100 }, (_, i) => `k${String(i).padStart(2, '0')}`)

class Watched implements ReadView {
  walks = 0
  open = 0

  get(): undefined {
    return undefined
  }

  *range(start: string, end: string | undefined): Generator<readonly [string, Uint8Array]> {
    this.walks++
    this.open++
    try {
      for (const name of names) if (name >= start && (end === undefined || name < end)) yield [name, new Uint8Array(0)]
    } finally {
      this.open--
    }
  }
}

test('a cursor goes forward by steps or by seeking, and stops at the end', () => {
  const cursor = new Cursor(new Watched(), 'k10', 'k90')
  assert.equal(cursor.key, 'k10')
  cursor.next()
  assert.equal(cursor.key, 'k11')
  cursor.seek('k13x')
  assert.equal(cursor.key, 'k14')
  cursor.seek('k12')
  assert.equal(cursor.key, 'k14')
  cursor.seek('k50')
  assert.equal(cursor.key, 'k50')
  cursor.seek('k95')
  assert.equal(cursor.key, undefined)
})

test('a near seek goes on with the walk, a far one begins another and leaves none open', () => {
  const view = new Watched()
  const cursor = new Cursor(view, '', 'z')
  cursor.seek('k05')
  assert.equal(view.walks, 1)
  cursor.seek('k80')
  assert.deepEqual([cursor.key, view.walks, view.open], ['k80', 2, 1])
  cursor.close()
  assert.equal(view.open, 0)
})
