import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClientSession, sessionWindow } from './session.ts'

test('numbers rise, and only an unbroken row of finished ones is acknowledged', () => {
  const session = new ClientSession(7, 1000, 0)
  assert.deepEqual(session.stamp(), { id: 7, seq: 1, ackedBelow: 1 })
  assert.deepEqual(session.stamp(), { id: 7, seq: 2, ackedBelow: 1 })
  session.finish(2, 0, true)
  assert.deepEqual(session.stamp(), { id: 7, seq: 3, ackedBelow: 1 })
  session.finish(1, 0, true)
  assert.deepEqual(session.stamp(), { id: 7, seq: 4, ackedBelow: 3 })
})

test('a session is full when the oldest open number is a window behind', () => {
  const session = new ClientSession(7, 1000, 0)
  for (let i = 0; i < sessionWindow; i++) session.stamp()
  assert.ok(session.full)
  session.finish(2, 0, true)
  assert.ok(session.full)
  session.finish(1, 0, true)
  assert.ok(!session.full)
})

test('the life of a session counts from when an answered request was sent', () => {
  const session = new ClientSession(7, 1000, 100)
  assert.ok(!session.isStale(1099))
  assert.ok(session.isStale(1100))
  session.stamp()
  session.finish(1, 600, true)
  assert.ok(!session.isStale(1599))
  session.stamp()
  session.finish(2, 1500, false)
  assert.ok(session.isStale(1600))
})
