import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KvMachine } from '../machine/kv-machine.ts'
import type { View } from '../machine/view.ts'
import { toSlot } from '../protocol/ids.ts'
import type { Observer } from './observer.ts'
import { defaultReplicaOptions } from './options.ts'
import type { Done, StateInstall, StateStore } from './ports.ts'
import { ReplicaState } from './state.ts'

const nothing = (): void => {}

test('a node that stops waits for a received snapshot that is on its way into the store', () => {
  let disk = new Map<string, Uint8Array>()
  const store: StateStore = {
    view: {
      get: (key) => disk.get(key),
      range: (start, end) =>
        [...disk]
          .filter(([key]) => key >= start && (end === undefined || key < end))
          .sort(([a], [b]) => (a < b ? -1 : 1)),
    },
    commit: (changes, done) => {
      for (const [key, value] of changes) value === null ? disk.delete(key) : disk.set(key, value)
      done()
    },
    snapshot: () => assert.fail('not here'),
    install: () => assert.fail('not here'),
  }
  const observer = { stateCommitted: nothing, applied: nothing } as unknown as Observer
  const stateOf = (): ReplicaState =>
    new ReplicaState(
      store,
      (view) => new KvMachine(view),
      { now: () => 0 } as never,
      observer,
      defaultReplicaOptions,
      nothing,
      assert.fail,
    )
  const donor = stateOf()
  donor.apply(toSlot(0), { kind: 'noop', payload: new Uint8Array() })
  donor.flush(true)
  const received = disk
  disk = new Map()

  const state = stateOf()
  let place: Done = nothing
  const install: StateInstall = {
    put: (_entries, done) => done(),
    abort: nothing,
    finish: (done) => {
      place = done
    },
  }
  const happened: string[] = []
  state.finishInstall(install, toSlot(1), (isInstalled) => happened.push(`installed: ${isInstalled}`))
  state.whenDurable(() => happened.push('stopped'))
  assert.deepEqual(happened, [])
  disk = received
  place()
  assert.deepEqual(happened, ['installed: true', 'stopped'])
})

test('a node that stops under load waits for what it has applied, and not for what comes after', () => {
  const commits: Done[] = []
  const disk = new Map<string, Uint8Array>()
  const store: StateStore = {
    view: { get: (key) => disk.get(key), range: () => [] },
    commit: (changes, done) => {
      for (const [key, value] of changes) value === null ? disk.delete(key) : disk.set(key, value)
      commits.push(done)
    },
    snapshot: () => assert.fail('not here'),
    install: () => assert.fail('not here'),
  }
  const observer = { stateCommitted: nothing, applied: nothing } as unknown as Observer
  const clock = { now: () => 0 } as never
  const createMachine = (view: View): KvMachine => new KvMachine(view)
  const state = new ReplicaState(store, createMachine, clock, observer, defaultReplicaOptions, nothing, assert.fail)
  const apply = (slot: number): void => void state.apply(toSlot(slot), { kind: 'noop', payload: new Uint8Array() })
  apply(0)
  let isStopped = false
  state.whenDurable(() => {
    isStopped = true
  })
  apply(1)
  assert.deepEqual([commits.length, isStopped], [1, false])
  commits[0]?.()
  assert.ok(isStopped)
})
