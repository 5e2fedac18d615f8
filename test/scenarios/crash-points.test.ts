import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type NodeId, toNodeId } from '../../src/protocol/ids.ts'
import { type ClusterSetup, EngineCluster } from './engine-cluster.ts'

/** Stops a node in the middle of what it does. */
class Crash extends Error {
  readonly node: NodeId

  constructor(node: NodeId) {
    super(`n${node} crashes`)
    this.node = node
  }
}

interface Plan {
  readonly setup: ClusterSetup
  readonly downMs: number
  /** Commits finish only when no message is on the way; otherwise before every message. */
  readonly isDiskSlow: boolean
}

const quiet: ReadonlySet<string> = new Set(['survey', 'surveyReply', 'heartbeat'])
const tickMs = 40

/**
 * One fixed life of a cluster: an election, pipelined proposals, reads, a follower that is away and catches up, truncation.
 * The node that does action number `crashAt` stops right after it. Actions: a commit is about to finish, a commit has
 * finished, a message has left.
 */
class Life {
  readonly cluster: EngineCluster
  actions = 0
  readonly #crashAt: number
  readonly #downMs: number
  readonly #isDiskSlow: boolean
  #crashed: { readonly node: NodeId; readonly until: number } | undefined
  #cut: NodeId | undefined

  constructor({ setup, downMs, isDiskSlow }: Plan, crashAt: number) {
    this.#crashAt = crashAt
    this.#downMs = downMs
    this.#isDiskSlow = isDiskSlow
    const onAction = (node: NodeId, message: { readonly kind: string } | undefined): void => {
      if (message !== undefined && quiet.has(message.kind)) return
      this.actions++
      if (this.actions === this.#crashAt) throw new Crash(node)
    }
    this.cluster = new EngineCluster(setup, { onAction })
  }

  play(): void {
    this.#run(1200)
    this.#atLeader((node) => {
      this.cluster.propose(node, 'a')
      this.cluster.propose(node, 'b')
      this.cluster.read(node)
    })
    this.#run(120)
    this.#cut = toNodeId(3)
    this.#atLeader((node) => {
      this.cluster.propose(node, 'c')
      this.cluster.propose(node, 'd')
    })
    this.#run(200)
    this.#atLeader((node) => this.cluster.propose(node, 'e'))
    this.#run(200)
    this.#cut = undefined
    this.#run(400)
  }

  /** Everybody is well again: the cluster must serve, and all must know the same. */
  heal(): void {
    this.#cut = undefined
    if (this.#crashed !== undefined) this.#restart(this.#crashed.node)
    this.#run(2400)
    const leader = this.cluster.leader()
    assert.ok(leader !== undefined, 'nobody leads afterwards')
    this.cluster.propose(leader.id, 'last')
    this.#run(1200)
    for (const member of this.cluster.members) {
      assert.equal(member.learnedUpTo, leader.learnedUpTo, `n${member.id} did not catch up`)
    }
    const texts = [...leader.learned.values()].map(({ payload }) => new TextDecoder().decode(payload))
    assert.ok(texts.includes('last'), 'the last proposal was not chosen')
  }

  #atLeader(act: (node: NodeId) => void): void {
    const leader = this.cluster.leader()
    if (leader !== undefined) this.#guard(() => act(leader.id))
  }

  #run(ms: number): void {
    const { cluster } = this
    for (const end = cluster.now + ms; cluster.now < end; ) {
      cluster.now += tickMs
      if (this.#crashed !== undefined && cluster.now >= this.#crashed.until) this.#restart(this.#crashed.node)
      for (const member of cluster.members) this.#guard(() => cluster.tick(member.id))
      this.#settle()
    }
  }

  #settle(): void {
    const { cluster } = this
    for (;;) {
      const busy = cluster.members.find((member) => member.commits.length > 0)
      if (busy !== undefined && (!this.#isDiskSlow || cluster.network.length === 0)) {
        this.#guard(() => cluster.sync(busy.id))
        continue
      }
      const packet = cluster.network.shift()
      if (packet === undefined) return
      const isCut = packet.from !== packet.to && (packet.from === this.#cut || packet.to === this.#cut)
      if (!isCut) this.#guard(() => cluster.deliver(packet))
    }
  }

  #guard(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      this.cluster.crash(error.node)
      this.#crashed = { node: error.node, until: this.cluster.now + this.#downMs }
    }
  }

  #restart(node: NodeId): void {
    this.#crashed = undefined
    this.cluster.start(node)
  }
}

/** Lives through the workload once for every action in it. */
function crashEverywhere(plan: Plan): number {
  const whole = new Life(plan, 0)
  whole.play()
  const { actions } = whole
  whole.heal()
  for (let crashAt = 1; crashAt <= actions; crashAt++) {
    try {
      const life = new Life(plan, crashAt)
      life.play()
      life.heal()
    } catch (cause) {
      throw new Error(`crash at action ${crashAt}: ${cause instanceof Error ? cause.message : cause}`, { cause })
    }
  }
  return actions
}

const options = { logBytesKeptMax: 400 }

const three: ClusterSetup = { nodes: 3, options }

for (const { title, ...plan } of [
  { title: 'that restarts at once', setup: three, downMs: 0, isDiskSlow: false },
  { title: 'that restarts at once, on slow disks', setup: three, downMs: 0, isDiskSlow: true },
  { title: 'that stays away until all is over', setup: three, downMs: 60_000, isDiskSlow: true },
  {
    title: 'that restarts while its lease may last',
    setup: { ...three, leaseMs: 400 },
    downMs: 80,
    isDiskSlow: false,
  },
  {
    title: 'of five with q1=4, q2=2',
    setup: { nodes: 5, q1: 4, q2: 2, options },
    downMs: 200,
    isDiskSlow: true,
  },
]) {
  test(`every invariant holds for a node ${title}, wherever it crashes (T25)`, (context) => {
    const actions = crashEverywhere(plan)
    context.diagnostic(`${actions} crash points`)
    assert.ok(actions > 60, `only ${actions} crash points`)
  })
}
