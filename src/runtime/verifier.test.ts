import assert from 'node:assert/strict'
import { test } from 'node:test'
import { put, toKey } from '../../test/machine/fixtures.ts'
import { encodeBatch, encodeRequest } from '../machine/command-codec.ts'
import { KvMachine } from '../machine/kv-machine.ts'
import { itemKey } from '../machine/layout.ts'
import { encodeItem } from '../machine/records.ts'
import type { View } from '../machine/view.ts'
import type { Entry } from '../protocol/entry.ts'
import { type NodeId, toNodeId, toSlot } from '../protocol/ids.ts'
import type { ChainVerdict } from './chain-comparison.ts'
import type { ContentOutcome } from './content-verifier.ts'
import type { Diverged } from './divergence.ts'
import { defaultReplicaOptions } from './options.ts'
import type { RuntimeMessage } from './peer-message.ts'
import type { Clock, StateInstall, StateStore } from './ports.ts'
import type { ReplicaSetup } from './replica-setup.ts'
import { ReplicaState } from './state.ts'
import { Verifier } from './verifier.ts'

const nothing = (): void => {}

/** The parts of a node that a verifier works with, on a disk that an installed snapshot replaces. */
class FakeNode {
  readonly id: NodeId
  readonly state: ReplicaState
  readonly verifier: Verifier
  readonly found: Diverged[] = []
  readonly cleared: NodeId[] = []
  disk = new Map<string, Uint8Array>()
  isDown = false
  timesDiverged = 0
  view: View | undefined

  constructor(id: number, cluster: FakeCluster) {
    this.id = toNodeId(id)
    const clock: Clock = { now: () => cluster.now, wallNow: () => cluster.now, defer: (task) => task() }
    const observer = {
      ...{ committed: nothing, stateCommitted: nothing, proposed: nothing, applied: nothing, requestDone: nothing },
      ...{
        readDone: nothing,
        roleChanged: nothing,
        epochBegan: nothing,
        snapshotSent: nothing,
        snapshotInstalled: nothing,
        note: nothing,
      },
      divergence: (member: Diverged, isOver: boolean) =>
        void (isOver ? this.cleared.push(member.node) : this.found.push(member)),
    }
    const store: StateStore = {
      view: {
        get: (key) => this.disk.get(key),
        range: (start, end) =>
          [...this.disk].filter(([key]) => key >= start && (end === undefined || key < end)).sort(),
      },
      commit: (changes, done) => {
        for (const [key, value] of changes) value === null ? this.disk.delete(key) : this.disk.set(key, value)
        done()
      },
      snapshot: () => assert.fail('not here'),
      install: () => assert.fail('not here'),
    }
    const createMachine = (view: View): KvMachine => {
      this.view = view
      return new KvMachine(view)
    }
    const options = { ...defaultReplicaOptions, verifyEveryMs: 10_000 }
    this.state = new ReplicaState(store, createMachine, clock, observer, options, nothing, assert.fail)
    const setup = { self: this.id, clock, observer, options } as unknown as ReplicaSetup
    this.verifier = new Verifier(setup, this.state, {
      members: () => cluster.ids.map(toNodeId),
      send: (to, message) => cluster.send(this.id, to, message),
      onDiverged: () => void this.timesDiverged++,
    })
  }

  /** Puts another node's data in place of these. */
  install(from: FakeNode): void {
    from.state.flush(true)
    const install: StateInstall = {
      put: (_entries, done) => done(),
      abort: nothing,
      finish: (done) => {
        this.disk = new Map(from.disk)
        done()
      },
    }
    this.state.finishInstall(install, from.state.appliedUpTo, (isInstalled) => assert.ok(isInstalled))
  }
}

class FakeCluster {
  readonly ids: number[]
  readonly nodes: readonly FakeNode[]
  now = 0
  messages = 0
  #log: Entry[] = []
  #queue: { from: NodeId; to: NodeId; message: RuntimeMessage }[] = []

  constructor(size: number) {
    this.ids = Array.from({ length: size }, (_, at) => at + 1)
    this.nodes = this.ids.map((id) => new FakeNode(id, this))
  }

  send(from: NodeId, to: readonly NodeId[], message: RuntimeMessage): void {
    for (const each of to) this.#queue.push({ from, to: each, message })
  }

  write(key: string, value: string): void {
    const request = encodeRequest({ session: undefined, command: put(key, value) })
    this.#log.push({ kind: 'batch', payload: encodeBatch(this.now, [request]) })
    for (const node of this.nodes) this.catchUp(node)
  }

  catchUp({ state, isDown }: FakeNode): void {
    if (isDown) return
    for (let slot = state.appliedUpTo; slot < this.#log.length; slot = toSlot(slot + 1)) {
      state.apply(slot, this.#log[slot] as Entry)
    }
  }

  /** Time passes, and everything that was sent arrives. */
  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 50
      for (const { verifier, isDown } of this.nodes) if (!isDown) verifier.onTick(this.now)
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const { from, message } = next
        const target = this.node(next.to)
        this.messages++
        if (!target.isDown) target.verifier.onMessage(from, message as never)
      }
    }
  }

  node(id: number): FakeNode {
    return this.nodes[id - 1] ?? assert.fail(`no node ${id}`)
  }

  /** From now on the node's machine has another version of the key, and answers a put to it otherwise. */
  spoil(id: number, key: string): void {
    this.node(id).view?.put(itemKey(toKey(key)), encodeItem(1, 1, 77, new Uint8Array(3)))
  }

  verify(by: number): ChainVerdict {
    let verdict: ChainVerdict | undefined
    this.node(by).verifier.compare({ from: undefined, to: undefined }, 1000, (found) => {
      verdict = found
    })
    this.pass(20_000)
    return verdict ?? assert.fail('no verdict')
  }
}

function filled(size: number, writes = 200): FakeCluster {
  const cluster = new FakeCluster(size)
  for (let i = 0; i < writes; i++) cluster.write(`k${i % 10}`, `value ${i}`)
  return cluster
}

test('equal machines are compared at the interval, and nothing is said of it', () => {
  const cluster = filled(3)
  cluster.pass(60_000)
  for (const { verifier, found, timesDiverged } of cluster.nodes) {
    assert.equal(verifier.checkedUpTo, 200)
    assert.deepEqual([verifier.diverged, found, timesDiverged], [[], [], 0])
  }
  // Six comparisons by each of three, with two rounds to two others, there and back: few, and bounded.
  assert.ok(cluster.messages <= 7 * 3 * 8, `${cluster.messages} messages`)
})

test('a machine that answered otherwise is found by all, with its slot, and itself knows', () => {
  const cluster = filled(3)
  cluster.pass(20_000)
  cluster.spoil(2, 'k5')
  for (let i = 200; i < 300; i++) cluster.write(`k${i % 10}`, 'x')
  cluster.pass(20_000)
  for (const { id, verifier, found, timesDiverged } of cluster.nodes) {
    assert.deepEqual(found, [{ node: 2, first: { from: 205, to: 206 }, isMinority: true }], `node ${id}`)
    assert.equal(verifier.own === undefined, id !== 2)
    assert.equal(timesDiverged, Number(id === 2))
  }
  // It is said once, however often it is seen.
  cluster.pass(60_000)
  assert.equal(cluster.node(1).found.length, 1)
  assert.equal(cluster.node(2).timesDiverged, 1)
})

test('a member whose data were replaced is cleared, by others and by itself', () => {
  const cluster = filled(3)
  cluster.spoil(3, 'k1')
  for (let i = 0; i < 20; i++) cluster.write(`k${i % 10}`, 'x')
  cluster.pass(20_000)
  assert.ok(cluster.node(3).verifier.own !== undefined)
  cluster.node(3).isDown = true
  for (let i = 0; i < 600; i++) cluster.write('k', 'x')
  cluster.pass(20_000)
  // Silence clears nobody.
  assert.equal(cluster.node(1).verifier.diverged.length, 1)
  cluster.node(3).isDown = false
  cluster.node(3).install(cluster.node(1))
  cluster.pass(20_000)
  for (const { verifier, cleared } of cluster.nodes) {
    assert.deepEqual([verifier.diverged, cleared], [[], [3]])
  }
  // What was kept of the chain came with the snapshot.
  const [donor, fresh] = [cluster.node(1).state, cluster.node(3).state]
  assert.notEqual(fresh.chainAt(toSlot(512)), undefined)
  assert.equal(fresh.chainAt(toSlot(512)), donor.chainAt(toSlot(512)))
  assert.equal(fresh.chainAt(toSlot(513)), undefined)
})

test('a member that is none any more is not spoken of any more', () => {
  const cluster = filled(4)
  cluster.spoil(4, 'k1')
  cluster.write('k1', 'x')
  cluster.pass(20_000)
  assert.equal(cluster.node(1).verifier.diverged.length, 1)
  cluster.ids.pop()
  cluster.pass(20_000)
  for (const id of [1, 2, 3]) {
    assert.deepEqual([cluster.node(id).verifier.diverged, cluster.node(id).cleared], [[], [4]])
  }
})

test('two members that differ both say so, and both serve on', () => {
  const cluster = filled(2)
  cluster.spoil(1, 'k0')
  cluster.write('k0', 'x')
  cluster.pass(20_000)
  for (const { verifier, found, timesDiverged } of cluster.nodes) {
    assert.deepEqual(found.map(({ node, isMinority }) => [node, isMinority]).sort(), [
      [1, false],
      [2, false],
    ])
    assert.equal(verifier.own, undefined)
    assert.equal(timesDiverged, 0)
  }
})

test('with a member down the others are compared; with two down nothing is known', () => {
  const cluster = filled(3)
  cluster.node(3).isDown = true
  const two = cluster.verify(1)
  assert.deepEqual([two.verdict, two.members.map(({ state }) => state)], ['same', ['same', 'same', 'silent']])
  cluster.node(2).isDown = true
  assert.equal(cluster.verify(1).verdict, 'unknown')
})

test('the content is compared at the newest revision that all have, and finds what no chain can', () => {
  const cluster = filled(3)
  const compare = (): ContentOutcome => {
    let outcome: ContentOutcome | undefined
    cluster.node(1).verifier.compareContent({ revision: undefined, start: '' }, 1000, (done) => {
      outcome = done
    })
    cluster.pass(5000)
    return outcome ?? assert.fail('no outcome')
  }
  cluster.node(2).isDown = true
  cluster.write('k1', 'newer')
  cluster.node(2).isDown = false
  const same = compare()
  assert.ok(same.kind === 'compared')
  assert.deepEqual([same.revision, same.keys, same.verdict.verdict], [200, 10, 'same'])
  cluster.catchUp(cluster.node(2))
  cluster.spoil(2, 'k7')
  const other = compare()
  assert.ok(other.kind === 'compared')
  assert.deepEqual(other.verdict.first, { start: 'k7', end: 'k8' })
  assert.deepEqual(
    other.verdict.members.map(({ state }) => state),
    ['same', 'diverged', 'same'],
  )
  assert.equal(cluster.verify(1).verdict, 'same')
})
