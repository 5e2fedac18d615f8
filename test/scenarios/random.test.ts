import assert from 'node:assert/strict'
import test from 'node:test'
import { Random } from '../../src/base/random.ts'
import { toNodeId } from '../../src/protocol/ids.ts'
import { EngineCluster } from './engine-cluster.ts'

/** Random delivery, loss, duplication, crashes before and after commits, ticks: agreement is asserted at each learn. */
function run(seed: number): { readonly learned: number; readonly elections: number } {
  const random = new Random(seed)
  const nodes = random.integer(1, 6)
  const q2 = random.integer(1, nodes + 1)
  const q1 = nodes - q2 + 1 + (random.chance(0.3) && q2 > 1 ? 1 : 0)
  const leaseMs = random.chance(0.3) ? 400 : 0
  // As wrong as any clock may be, and mostly at the ends.
  const clockRates = Array.from({ length: nodes }, () => [0.9501, 1, 1.0499][random.integer(0, 3)] ?? 1)
  const cluster = new EngineCluster(
    { nodes, q1, q2, leaseMs, seed, clockRates, options: { logSlotsKeptMax: 50 } },
    { log: (line) => process.env['TRACE'] && console.log(line) },
  )
  const [loss, twice, crash] = [random.next() * 0.2, random.next() * 0.2, random.next() * 0.002]
  let value = 0
  let elections = 0
  for (let step = 0; step < 6000; step++) {
    const id = toNodeId(random.integer(1, nodes + 1))
    const member = cluster.member(id)
    if (member.engine === undefined) {
      if (random.chance(0.02)) cluster.start(id)
      continue
    }
    const draw = random.next()
    if (draw < crash) cluster.crash(id)
    else if (draw < 0.1) {
      cluster.now += random.integer(1, 20)
      cluster.checkLeases()
      cluster.tick(id)
    } else if (draw < 0.12) cluster.read(id)
    else if (draw < 0.3) cluster.sync(id)
    else if (draw < 0.4) {
      if (member.engine.room() > 0) cluster.propose(id, `v${value++}`)
    } else {
      const index = random.integer(0, cluster.network.length)
      const packet = cluster.network[index]
      if (packet === undefined) continue
      if (!random.chance(twice)) cluster.network.splice(index, 1)
      if (!random.chance(loss)) cluster.deliver(packet)
    }
    if (cluster.network.length > 300) cluster.network.splice(0, 100)
  }
  // Healed, everybody must serve and agree within a bounded time.
  for (const member of cluster.members) if (member.engine === undefined) cluster.start(member.id)
  cluster.network = []
  cluster.run(6000)
  const leader = cluster.leader()
  assert.ok(leader !== undefined, `seed ${seed}: nobody leads after the network healed`)
  cluster.propose(leader.id, 'last')
  cluster.settle()
  cluster.run(2000)
  for (const member of cluster.members) {
    assert.equal(member.learnedUpTo, leader.learnedUpTo, `seed ${seed}: n${member.id} did not catch up`)
    elections += member.engine?.status().elections ?? 0
  }
  return { learned: leader.learnedUpTo, elections }
}

test('engines agree under random loss, duplication, reordering and crashes, and serve again when healed', () => {
  const first = Number(process.env['PAXOS_FIRST_SEED'] ?? 1)
  const seeds = Number(process.env['PAXOS_SEEDS'] ?? 60)
  let learned = 0
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      learned += run(seed).learned
    } catch (cause) {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause })
    }
  }
  assert.ok(learned > seeds * 20, `only ${learned} slots were chosen in ${seeds} seeds`)
})
