import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../src/base/random.ts'
import { type NodeId, toNodeId } from '../../src/protocol/ids.ts'
import { type ClusterSetup, EngineCluster, type Packet } from './engine-cluster.ts'

/** Longer runs: PAXOS_FIRST_SEED=1000 PAXOS_SEEDS=20000 node --test test/scenarios/random.test.ts */
const firstSeed = Number(process.env['PAXOS_FIRST_SEED'] ?? 1)
const seeds = Number(process.env['PAXOS_SEEDS'] ?? 60)

/** As wrong as any clock may be, and mostly at the ends. */
function drawRates(random: Random, nodes: number): readonly number[] {
  return Array.from({ length: nodes }, () => [0.9501, 1, 1.0499][random.integer(0, 3)] ?? 1)
}

/** Sizes that always meet, now and then by more than one node. */
function drawQuorums(random: Random, nodes: number): { readonly q1: number; readonly q2: number } {
  const q2 = random.integer(1, nodes + 1)
  return { q1: nodes - q2 + 1 + (random.chance(0.3) && q2 > 1 ? 1 : 0), q2 }
}

/** Limits so small that they matter: promises in parts, votes refused, snapshots instead of entries. */
function drawLimits(random: Random): ClusterSetup['options'] {
  return {
    logSlotsKeptMax: 50,
    ...(random.chance(0.4) ? { messageBytesMax: random.integer(70, 200) } : {}),
    ...(random.chance(0.2) ? { openSlotsMax: random.integer(4, 20) } : {}),
    ...(random.chance(0.2) ? { logBytesKeptMax: random.integer(500, 5000) } : {}),
  }
}

/** Healed, everybody must serve and agree within a bounded time. */
function heal(cluster: EngineCluster): number {
  for (const member of cluster.members) if (member.engine === undefined) cluster.start(member.id)
  cluster.network = []
  cluster.run(6000, () => true, 50)
  const leader = cluster.leader()
  assert.ok(leader !== undefined, 'nobody leads after the network healed')
  cluster.propose(leader.id, 'last')
  cluster.settle()
  cluster.run(2000, () => true, 50)
  for (const member of cluster.members) {
    assert.equal(member.learnedUpTo, leader.learnedUpTo, `n${member.id} did not catch up`)
  }
  return leader.learnedUpTo
}

/** Anything at any moment: every packet is as likely as every other, lost, doubled, late by seconds. */
function chaos(seed: number): number {
  const random = new Random(seed)
  const nodes = random.integer(1, 6)
  const { q1, q2 } = drawQuorums(random, nodes)
  const leaseMs = random.chance(0.3) ? 400 : 0
  const clockRates = drawRates(random, nodes)
  const options = drawLimits(random) ?? {}
  const cluster = new EngineCluster({ nodes, q1, q2, leaseMs, seed, clockRates, options })
  // One disk may rot, if the others suffice to lead.
  const rotten = random.chance(0.3) && q1 < nodes ? toNodeId(nodes) : undefined
  const [loss, twice, crash] = [random.next() * 0.2, random.next() * 0.2, random.next() * 0.002]
  for (let step = 0; step < 6000; step++) {
    const id = toNodeId(random.integer(1, nodes + 1))
    const member = cluster.member(id)
    if (member.engine === undefined) {
      if (random.chance(0.02)) cluster.start(id)
      continue
    }
    const draw = random.next()
    if (draw < crash) {
      cluster.crash(id)
      const slot = [...member.disk.votes.keys()][random.integer(0, member.disk.votes.size)]
      if (id === rotten && slot !== undefined) member.disk.corrupt(slot)
    } else if (draw < 0.1) {
      cluster.now += random.integer(1, 20)
      cluster.checkLeases()
      cluster.tick(id)
    } else if (draw < 0.12) cluster.read(id)
    else if (draw < 0.3) cluster.sync(id)
    else if (draw < 0.4) {
      if (member.engine.room() > 0) cluster.propose(id, `v${step}`)
    } else {
      const index = random.integer(0, cluster.network.length)
      const packet = cluster.network[index]
      if (packet === undefined) continue
      if (!random.chance(twice)) cluster.network.splice(index, 1)
      if (!random.chance(loss)) cluster.deliver(packet)
    }
    if (cluster.network.length > 300) cluster.network.splice(0, 100)
  }
  return heal(cluster)
}

/**
 * Mostly quick and in order, so that leaders and leases last; but links come and go in each direction, some packets
 * arrive seconds late, nodes stand still or crash, and now and then one retires.
 */
class Weather {
  readonly #random: Random
  readonly #cluster: EngineCluster
  readonly #cut = new Set<string>()
  readonly #late: { readonly packet: Packet; readonly at: number }[] = []
  readonly #stillUntil = new Map<NodeId, number>()

  constructor(random: Random, cluster: EngineCluster) {
    this.#random = random
    this.#cluster = cluster
  }

  step(): void {
    this.#cluster.now += this.#random.integer(5, 40)
    this.#cluster.checkLeases()
    this.#change()
    for (const { id, engine } of this.#cluster.members) {
      if (engine === undefined) {
        if (this.#random.chance(0.05)) this.#cluster.start(id)
      } else if (!this.#isStill(id)) this.#act(id, engine.room())
    }
    this.#deliver()
  }

  #change(): void {
    const random = this.#random
    const { members } = this.#cluster
    const node = toNodeId(random.integer(1, members.length + 1))
    const other = toNodeId(random.integer(1, members.length + 1))
    if (random.chance(0.04)) this.#cut.add(`${node}>${other}`)
    if (random.chance(0.02)) for (const { id } of members) this.#cut.add(`${node}>${id}`).add(`${id}>${node}`)
    if (random.chance(0.02)) this.#cut.clear()
    if (random.chance(0.01)) this.#stillUntil.set(node, this.#cluster.now + random.integer(100, 2500))
    if (random.chance(0.01)) this.#cluster.crash(node)
    else if (random.chance(0.002)) this.#retire(node)
  }

  #retire(node: NodeId): void {
    this.#cluster.step(node, { kind: 'retire' })
    this.#cluster.flush(node)
    if (this.#random.chance(0.8)) this.#cluster.crash(node)
  }

  #act(id: NodeId, room: number): void {
    const random = this.#random
    if (random.chance(0.9)) this.#cluster.tick(id)
    if (room > 0 && random.chance(0.3)) this.#cluster.propose(id, `v${this.#cluster.now}.${id}`)
    if (random.chance(0.2)) this.#cluster.read(id)
  }

  #deliver(): void {
    const random = this.#random
    const cluster = this.#cluster
    const due = this.#late.filter(({ at }) => at <= cluster.now)
    for (const { packet } of due) cluster.deliver(packet)
    for (const each of due) this.#late.splice(this.#late.indexOf(each), 1)
    for (let turns = 0; turns < 400; turns++) {
      const id = toNodeId(random.integer(1, cluster.members.length + 1))
      if (random.chance(0.5) && !this.#isStill(id)) cluster.sync(id)
      const packet = cluster.network.shift()
      if (packet === undefined) {
        if (cluster.members.every(({ commits }) => commits.length === 0)) return
        continue
      }
      const isCut = packet.from !== packet.to && this.#cut.has(`${packet.from}>${packet.to}`)
      const isLate = random.chance(0.01) || this.#isStill(packet.to)
      if (isLate) this.#late.push({ packet, at: cluster.now + random.integer(50, 3000) })
      else if (!isCut) cluster.deliver(packet)
    }
  }

  #isStill(node: NodeId): boolean {
    return (this.#stillUntil.get(node) ?? 0) > this.#cluster.now
  }
}

function partitions(seed: number): number {
  const random = new Random(seed)
  const nodes = random.integer(2, 6)
  const leaseMs = random.chance(0.8) ? random.integer(100, 1500) : 0
  const options = drawLimits(random) ?? {}
  const setup: ClusterSetup = {
    nodes,
    ...(random.chance(0.5) ? drawQuorums(random, nodes) : {}),
    leaseMs,
    seed,
    clockRates: drawRates(random, nodes),
    options,
  }
  const cluster = new EngineCluster(setup)
  const weather = new Weather(random, cluster)
  for (let step = 0; step < 400; step++) weather.step()
  // Who retired leads again only in another incarnation.
  for (const { id } of cluster.members) cluster.crash(id)
  return heal(cluster)
}

for (const { title, run } of [
  { title: 'random loss, duplication, reordering and crashes', run: chaos },
  { title: 'random partitions, pauses, late packets and crashes, with leases', run: partitions },
]) {
  test(`every invariant holds under ${title}, and the cluster serves again when healed`, () => {
    let learned = 0
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      try {
        learned += run(seed)
      } catch (cause) {
        throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause })
      }
    }
    assert.ok(learned > seeds * 20, `only ${learned} slots were chosen in ${seeds} seeds`)
  })
}
