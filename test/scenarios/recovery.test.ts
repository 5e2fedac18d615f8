/**
 * Members die until a quorum is lost, at any moment of a random run, and a recovery is planned from the disks that are left.
 * The oracle saw every vote: whatever the plan proves must be so, and no chosen entry may be given up unsaid.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../src/base/random.ts'
import { formatBallot } from '../../src/protocol/ballot.ts'
import type { Entry } from '../../src/protocol/entry.ts'
import { quorumsOf } from '../../src/protocol/epoch.ts'
import { encodeStopSign } from '../../src/protocol/epoch-codec.ts'
import { type NodeId, type Slot, toEpochNumber, toNodeId, toSlot } from '../../src/protocol/ids.ts'
import { planRecovery } from '../../src/protocol/recovery/recovery.ts'
import type { SlotFinding } from '../../src/protocol/recovery/settle.ts'
import { type Survivor, survivorLog } from '../../src/protocol/recovery/survivor.ts'
import { EngineCluster } from './engine-cluster.ts'
import { formatEntry } from './format.ts'

/** Longer runs: PAXOS_FIRST_SEED=1000 PAXOS_SEEDS=20000 node --test test/scenarios/recovery.test.ts */
const firstSeed = Number(process.env['PAXOS_FIRST_SEED'] ?? 1)
const seeds = Number(process.env['PAXOS_SEEDS'] ?? 150)

function survivorOf(cluster: EngineCluster, id: NodeId): Survivor {
  const { disk, learnedUpTo } = cluster.member(id)
  const { log, begun } = survivorLog(cluster.epoch, disk.state())
  return {
    ...{ id, name: `n${id}`, clusterId: 'c', diskId: `d${id}`, appliedUpTo: learnedUpTo },
    epochs: [cluster.epoch, ...begun],
    logs: [log],
    incarnations: [],
    met: [],
  }
}

function stopSignOf({ epoch }: EngineCluster): Entry {
  return { kind: 'stopSign', payload: encodeStopSign({ ...epoch, number: toEpochNumber(2) }) }
}

/** Packets are lost and late, leaders change, and whole groups are cut off: dead members must be able to know more. */
function run(random: Random, seed: number): EngineCluster {
  const nodes = random.integer(2, 6)
  const q2 = random.integer(1, nodes + 1)
  const q1 = nodes - q2 + 1 + (random.chance(0.3) && q2 > 1 ? 1 : 0)
  const cluster = new EngineCluster({ nodes, q1, q2, seed, options: { logSlotsKeptMax: 1000 } })
  let side: ReadonlySet<NodeId> = new Set()
  const stops = random.chance(0.5) ? 0.1 : 0
  const steps = random.integer(500, 4000)
  for (let step = 0; step < steps; step++) {
    if (random.chance(0.003)) {
      const ids = cluster.members.map(({ id }) => id)
      side = new Set(ids.filter(() => random.chance(0.4)))
    }
    const id = toNodeId(random.integer(1, nodes + 1))
    const { engine } = cluster.member(id)
    if (engine === undefined) {
      if (random.chance(0.05)) cluster.start(id)
      continue
    }
    const draw = random.next()
    if (draw < 0.001) cluster.crash(id)
    else if (draw < 0.1) {
      cluster.now += random.integer(1, 20)
      cluster.tick(id)
    } else if (draw < 0.3) cluster.sync(id)
    else if (draw < 0.4) {
      const { steady, openSlots } = engine.status()
      // A change of epoch may be under way, or through, when the quorum is lost.
      if (engine.room() > 0 && steady && openSlots === 0 && random.chance(stops))
        cluster.propose(id, stopSignOf(cluster))
      else if (engine.room() > 0) cluster.propose(id, `v${step}`)
    } else {
      const [packet] = cluster.network.splice(random.integer(0, cluster.network.length), 1)
      const isCut = packet !== undefined && side.has(packet.from) !== side.has(packet.to)
      if (packet !== undefined && !isCut && !random.chance(0.05)) cluster.deliver(packet)
    }
    if (cluster.network.length > 200) cluster.network.splice(0, 50)
  }
  return cluster
}

/** Members that die, so that the others are no quorum any more; undefined when chance left one. */
function drawSurvivors(random: Random, cluster: EngineCluster): readonly NodeId[] | undefined {
  const ids = cluster.members.map(({ id }) => id)
  const left = ids.filter(() => random.chance(0.5))
  const quorums = quorumsOf(cluster.epoch)
  if (left.length === 0 || (quorums.isPhase1(new Set(left)) && quorums.isPhase2(new Set(left)))) return undefined
  return left
}

interface Seen {
  slots: number
  kept: number
  lost: number
  exact: number
  changed: number
}

function check(cluster: EngineCluster, finding: SlotFinding, seen: Seen): void {
  // The oracle has seen nothing of the next epoch: nobody ran in it.
  if (finding.epoch !== cluster.epoch.number) return
  const { slot, class: kind, entry, mayDiffer } = finding
  const chosen = cluster.invariants.chosen(slot)
  const kept = formatEntry(entry)
  const ballot = finding.ballot === undefined ? '-' : formatBallot(finding.ballot)
  const say = `slot ${slot}, ${kind} at ${ballot}, ${mayDiffer ? 'with' : 'without'} possible loss: kept ${kept}, chosen was ${chosen}`
  seen.slots++
  if (kind === 'chosen') assert.equal(chosen, kept, say)
  if (kind === 'empty' || kind === 'unchosen') assert.equal(chosen, undefined, say)
  if (!mayDiffer && chosen !== undefined) assert.equal(chosen, kept, say)
  if (chosen === kept) seen.kept++
  else if (chosen !== undefined) seen.lost++
}

function recover(seed: number, seen: Seen): void {
  const random = new Random(seed)
  const cluster = run(random, seed)
  const left = drawSurvivors(random, cluster)
  if (left === undefined) return
  for (const { id, commits } of cluster.members) {
    // A commit that was under way when the node died may have become durable.
    if (commits.length > 0 && random.chance(0.5)) cluster.sync(id)
  }
  // One disk that is left may be damaged where nothing was known chosen.
  const rotten = cluster.member(left[random.integer(0, left.length)] ?? toNodeId(1))
  const open = [...rotten.disk.votes.keys()].filter((slot) => slot >= rotten.learnedUpTo)
  const damaged = random.chance(0.4) ? open[random.integer(0, open.length)] : undefined
  if (damaged !== undefined) rotten.disk.corrupt(damaged)

  const survivors = left.map((id) => survivorOf(cluster, id))
  const dead = cluster.members.filter(({ id }) => !left.includes(id)).map(({ id }) => String(id))
  const by = { origin: { actor: '', node: '', address: '' }, timeMs: 0 }
  const { problems, recovery } = planRecovery({ survivors, dead, q1: undefined, q2: undefined, raiseBy: 1, by })
  assert.deepEqual(problems, [])
  assert.ok(recovery !== undefined)
  for (let slot = 0; slot < recovery.from; slot++) assert.ok(cluster.invariants.chosen(toSlot(slot)) !== undefined)
  for (const { findings } of recovery.logs) for (const finding of findings) check(cluster, finding, seen)
  const last = recovery.logs.findLast(({ epoch }) => epoch.number === cluster.epoch.number)
  // Without the stop sign of the recovery itself.
  const ends = last === recovery.logs.at(-1) ? 1 : 0
  const end = last === undefined ? recovery.next.startSlot : last.from + last.entries.length - ends
  if (recovery.epochs.length > 1) seen.changed++
  const beyond = Array.from({ length: 50 }, (_, at) => cluster.invariants.chosen((end + at) as Slot))
  const isBeyond = beyond.some((chosen) => chosen !== undefined)
  if (recovery.mayGoOnFrom === undefined) assert.ok(!isBeyond, `something was chosen from slot ${end} on`)
  if (recovery.raisedBy === 0) seen.exact++
  assert.deepEqual(
    recovery.next.members.map(({ id }) => id),
    left,
  )
}

test('a recovery keeps what a survivor voted for and was chosen, and says of every other slot what it proves', () => {
  const seen: Seen = { slots: 0, kept: 0, lost: 0, exact: 0, changed: 0 }
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    try {
      recover(seed, seen)
    } catch (cause) {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause })
    }
  }
  // The runs are worth something only if all of it happens: entries kept, entries lost, and proofs that nothing is.
  const text = JSON.stringify(seen)
  assert.ok(seen.slots > 2 * seeds && seen.kept > seeds && seen.lost > seeds / 50 && seen.exact > seeds / 20, text)
  assert.ok(seen.changed > seeds / 20, text)
})
