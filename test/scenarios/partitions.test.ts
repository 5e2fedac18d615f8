import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { toNodeId } from '../../src/protocol/ids.ts'
import { defaultMultiPaxosOptions } from '../../src/protocol/multipaxos/options.ts'
import { EngineCluster, type Member, type Packet } from './engine-cluster.ts'

/** Who may serve again, and how soon: four election timeouts (protocols 16, 16). */
const limitMs = 4 * defaultMultiPaxosOptions.electionTimeoutMs
const seeds = Number(process.env['PAXOS_PARTITION_SEEDS'] ?? 25)

/** True when a packet passes. Nodes are named by their place in a list that begins with the leader. */
type Passes = (from: number, to: number) => boolean

interface Shape {
  readonly title: string
  readonly nodes: number
  /** Cut off before the partition begins, so that its log is old. */
  readonly laggard?: number
  readonly passes: Passes
}

const among =
  (...pairs: readonly (readonly [number, number])[]): Passes =>
  (from, to) =>
    pairs.some(([a, b]) => (a === from && b === to) || (a === to && b === from))

const shapes: readonly Shape[] = [
  { title: 'leader lost', nodes: 3, passes: (from, to) => from !== 0 && to !== 0 },
  { title: 'leader lost', nodes: 5, passes: (from, to) => from !== 0 && to !== 0 },
  { title: 'quorum loss: only one node reaches a quorum', nodes: 3, passes: among([0, 1], [1, 2]) },
  {
    title: 'quorum loss: only one node reaches a quorum',
    nodes: 5,
    passes: among([0, 1], [1, 2], [1, 3], [1, 4]),
  },
  {
    title: 'constrained: that one node has an old log, the leader is gone',
    nodes: 5,
    laggard: 1,
    passes: among([1, 2], [1, 3], [1, 4]),
  },
  {
    title: 'constrained: that one node has an old log, the leader is gone',
    nodes: 3,
    laggard: 1,
    passes: among([1, 2]),
  },
  { title: 'chained, with the leader at the end', nodes: 3, passes: among([0, 1], [1, 2]) },
  { title: 'chained, with the leader in the middle', nodes: 3, passes: among([1, 0], [0, 2]) },
  { title: 'chained, with the leader at the end', nodes: 5, passes: among([0, 1], [1, 2], [2, 3], [3, 4]) },
  { title: 'chained, with the leader in the middle', nodes: 5, passes: among([1, 2], [2, 0], [0, 3], [3, 4]) },
  { title: 'one way: the leader hears nobody', nodes: 3, passes: (_, to) => to !== 0 },
  { title: 'one way: the leader hears nobody', nodes: 5, passes: (_, to) => to !== 0 },
  { title: 'one way: nobody hears the leader', nodes: 3, passes: (from) => from !== 0 },
  { title: 'one way: nobody hears the leader', nodes: 5, passes: (from) => from !== 0 },
  { title: 'one way: one follower does not hear the leader', nodes: 3, passes: (f, t) => !(f === 0 && t === 1) },
  { title: 'one way: the leader does not hear one follower', nodes: 3, passes: (f, t) => !(f === 1 && t === 0) },
  {
    title: 'one way: two links carry in one direction only',
    nodes: 3,
    passes: (from, to) => (from + 1) % 3 !== to || from === 2,
  },
]

/** A cluster with a leader that has served, at some moment of its rounds. */
function begin(nodes: number, seed: number, leaseMs = 0): { cluster: EngineCluster; leader: Member } {
  const cluster = new EngineCluster({ nodes, seed, leaseMs })
  cluster.run(1500 + leaseMs)
  const leader = cluster.leader()
  assert.ok(leader !== undefined, `seed ${seed}: no leader to begin with`)
  cluster.propose(leader.id, 'before')
  cluster.run((seed % 25) * 20)
  return { cluster, leader }
}

/** Time until a proposal that was made from now on is learned by its proposer. */
function timeToServe(cluster: EngineCluster, passes: (packet: Packet) => boolean): number | undefined {
  const start = cluster.now
  const proposed = new Map<number, Member>()
  while (cluster.now - start < limitMs + 2000) {
    for (const member of cluster.members) {
      const { engine } = member
      if (engine?.status().steady === true && engine.room() > 0) {
        proposed.set(cluster.propose(member.id, `at ${cluster.now} by ${member.id}`), member)
      }
    }
    cluster.run(20, passes)
    for (const [proposal, member] of proposed) {
      const slot = member.proposedSlots.get(proposal)
      const text = slot === undefined ? undefined : member.learned.get(slot)?.payload
      if (text !== undefined && new TextDecoder().decode(text).endsWith(`by ${member.id}`)) return cluster.now - start
    }
  }
  return undefined
}

function countClaims(cluster: EngineCluster): number {
  return cluster.members.reduce((sum, { engine }) => sum + (engine?.status().elections ?? 0), 0)
}

function packetFilter(cluster: EngineCluster, leader: Member, passes: Passes): (packet: Packet) => boolean {
  const order = [leader, ...cluster.members.filter((member) => member !== leader)].map((member) => member.id)
  return ({ from, to }) => from === to || passes(order.indexOf(from), order.indexOf(to))
}

function report(context: TestContext, times: readonly number[]): void {
  const sorted = [...times].sort((a, b) => a - b)
  context.diagnostic(`served after ${sorted[Math.floor(sorted.length / 2)]} ms (median), ${sorted.at(-1)} ms (longest)`)
}

for (const shape of shapes) {
  test(`${shape.nodes} nodes, ${shape.title}: a leader serves within four election timeouts`, (context) => {
    const times: number[] = []
    for (let seed = 1; seed <= seeds; seed++) {
      const { cluster, leader } = begin(shape.nodes, seed)
      const { laggard } = shape
      if (laggard !== undefined) {
        const before = packetFilter(cluster, leader, (from, to) => from !== laggard && to !== laggard)
        for (let i = 0; i < 5; i++) {
          cluster.propose(leader.id, `old ${i}`)
          cluster.run(20, before)
        }
      }
      const passes = packetFilter(cluster, leader, shape.passes)
      const time = timeToServe(cluster, passes)
      assert.ok(time !== undefined && time <= limitMs, `seed ${seed}: served after ${time} ms`)
      times.push(time)
      // It must not have been the last breath of the old leader, nor the first of a series.
      cluster.run(limitMs, passes)
      const claims = countClaims(cluster)
      cluster.run(limitMs, passes)
      assert.equal(timeToServe(cluster, passes), 20, `seed ${seed}: does not go on serving`)
      assert.equal(countClaims(cluster), claims, `seed ${seed}: elections go on`)
    }
    report(context, times)
  })
}

for (const nodes of [3, 5]) {
  test(`${nodes} nodes, the leader crashes: another serves within four election timeouts`, (context) => {
    const times: number[] = []
    for (let seed = 1; seed <= seeds; seed++) {
      const { cluster, leader } = begin(nodes, seed)
      cluster.crash(leader.id)
      const time = timeToServe(cluster, () => true)
      assert.ok(time !== undefined && time <= limitMs, `seed ${seed}: served after ${time} ms`)
      times.push(time)
    }
    report(context, times)
  })

  test(`${nodes} nodes, the leader retires: another serves within one election timeout, lease or not`, (context) => {
    const times: number[] = []
    for (let seed = 1; seed <= seeds; seed++) {
      const { cluster, leader } = begin(nodes, seed, seed % 2 === 0 ? 0 : 3000)
      cluster.step(leader.id, { kind: 'retire' })
      cluster.flush(leader.id)
      const time = timeToServe(cluster, () => true)
      assert.ok(time !== undefined && time <= limitMs / 4, `seed ${seed}: served after ${time} ms`)
      assert.notEqual(cluster.leader()?.id, leader.id)
      times.push(time)
    }
    report(context, times)
  })
}

for (const { title, passes } of [
  { title: 'is cut off', passes: (from: number, to: number) => from !== 1 && to !== 1 },
  { title: 'hears nobody', passes: (_: number, to: number) => to !== 1 },
  { title: 'is heard by nobody', passes: (from: number) => from !== 1 },
]) {
  test(`a working leader is not disturbed by a node that ${title}, nor by its return`, () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const nodes = seed % 2 === 0 ? 3 : 5
      const { cluster, leader } = begin(nodes, seed)
      const ballot = leader.engine?.status().ballot
      cluster.run(4000, packetFilter(cluster, leader, passes))
      cluster.run(2000)
      assert.equal(leader.engine?.status().steady, true, `seed ${seed}: n${leader.id} leads no more`)
      assert.deepEqual(leader.engine?.status().ballot, ballot, `seed ${seed}: n${leader.id} had to be elected again`)
    }
  })
}

test('candidates with the same clock and the same draws do not outbid each other for ever (T24)', () => {
  for (let seed = 1; seed <= seeds; seed++) {
    const cluster = new EngineCluster({ nodes: 4, q1: 3, q2: 2, seed, drawsAlike: true })
    // Two pairs that do not see each other, then see each other at one moment, again and again.
    for (let round = 0; round < 4; round++) {
      cluster.run(700, ({ from, to }) => from <= 2 === to <= 2)
    }
    const time = timeToServe(cluster, () => true)
    assert.ok(time !== undefined && time <= limitMs, `seed ${seed}: served after ${time} ms`)
    assert.ok(countClaims(cluster) <= 12, `seed ${seed}: ${countClaims(cluster)} elections`)
  }
})

test('the leader of a cluster that is well is elected once', () => {
  for (let seed = 1; seed <= seeds; seed++) {
    const cluster = new EngineCluster({ nodes: seed % 2 === 0 ? 3 : 5, seed })
    cluster.run(20_000)
    const claims = cluster.members.map(({ id }) => cluster.member(toNodeId(id)).engine?.status().elections ?? 0)
    const leader = cluster.leader()
    assert.ok(leader !== undefined, `seed ${seed}: nobody leads`)
    assert.ok(leader.engine?.status().elections === 1, `seed ${seed}: elections ${claims.join(' ')}`)
  }
})
