import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gate } from './gate.ts'

test('as many as allowed are inside, the rest come in turn', async () => {
  const gate = new Gate(2)
  assert.equal(gate.enter(), undefined)
  assert.equal(gate.enter(), undefined)
  const order: number[] = []
  const waiting = [1, 2, 3].map((n) => gate.enter()?.then(() => order.push(n)))
  gate.leave()
  gate.leave()
  await waiting[1]
  assert.deepEqual(order, [1, 2])
  assert.equal(gate.inside, 2)
  gate.leave()
  await waiting[2]
  gate.leave()
  gate.leave()
  assert.equal(gate.inside, 0)
  assert.equal(gate.enter(), undefined)
})

test('it is empty when the last has left, and not while one waits', async () => {
  const gate = new Gate(1)
  await gate.whenEmpty()
  assert.equal(gate.enter(), undefined)
  const second = gate.enter()
  let isEmpty = false
  const emptied = gate.whenEmpty().then(() => {
    isEmpty = true
  })
  gate.leave()
  await second
  assert.equal(isEmpty, false)
  gate.leave()
  await emptied
})
