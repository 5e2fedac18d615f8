import { AssertionError, assert } from '../base/assert.ts'
import { toBinary } from '../base/bytes.ts'
import { crc32c } from '../base/crc32c.ts'
import { Random } from '../base/random.ts'
import { type Epoch, isMember } from '../protocol/epoch.ts'
import { firstEpoch, firstSlot, type NodeId, type Slot, toNodeId } from '../protocol/ids.ts'
import type { Recovery } from '../protocol/recovery/recovery.ts'
import { restoredWrites } from '../runtime/restored-writes.ts'
import { type Backup, beginningOf, everything, takeBackup } from './backup.ts'
import { type ClientOperation, SimClient } from './client.ts'
import { coreOf, drawCore, truncatedUpTo } from './core.ts'
import { Disaster } from './disaster.ts'
import { Coverage } from './fault-points.ts'
import type { GivenNumbers } from './given-numbers.ts'
import { InvariantError, insist } from './invariant-error.ts'
import { Invariants } from './invariants.ts'
import { fromItem } from './linearizability/from-machine.ts'
import type { Start } from './linearizability/history.ts'
import { Nemesis } from './nemesis.ts'
import { Network, stamp } from './network.ts'
import { SimNode, type World } from './node.ts'
import { restoredOptions, type SimOptions } from './options.ts'
import { Probe } from './probe.ts'
import { afterLoss, type Loss, lowered, withoutGap } from './recovered-history.ts'
import { Scheduler } from './scheduler.ts'
import { Trace, traceKind } from './trace.ts'

export interface SimFailure {
  /** Which check: `agreement (6)`, `assertion`, `liveness (16)`, `linearizability (15)`. */
  readonly check: string
  readonly message: string
  readonly atMs: number
}

export interface SimResult {
  readonly options: SimOptions
  readonly failure: SimFailure | undefined
  readonly traceHash: string
  readonly events: number
  readonly simulatedMs: number
  readonly chosenSlots: number
  readonly answered: number
  readonly coverage: Coverage
  readonly history: readonly ClientOperation[]
  readonly lines: readonly string[]
}

/** Without new faults a quorum that is connected must serve within this, and all that are up must agree. */
const settleMs = 20_000
/** When nothing else happens, one request must be answered within this. */
const serveMs = 5000

/** Judges the clients' history. Returns what is wrong with it. */
export type HistoryCheck = (history: readonly ClientOperation[], start?: Start) => string | undefined

/** What the cluster begins with, and the numbers that were given before it. */
interface Restored {
  readonly backup: Backup
  readonly before: GivenNumbers
}

/** Runs one simulation to its end. Deterministic: the same options give the same result on every machine. */
export function simulate(options: SimOptions, checkHistory: HistoryCheck, keepLines = false): SimResult {
  return new Simulation(options, checkHistory, keepLines).run()
}

class Simulation {
  readonly #options: SimOptions
  readonly #checkHistory: HistoryCheck
  readonly #keepLines: boolean
  readonly #restored: Restored | undefined
  readonly #scheduler = new Scheduler()
  readonly #coverage = new Coverage()
  readonly #trace: Trace
  readonly #nodes: SimNode[] = []
  readonly #clients: SimClient[] = []
  readonly #invariants: Invariants
  readonly #nemesis: Nemesis
  readonly #disaster: Disaster
  readonly #history: ClientOperation[] = []
  /** Writes whose clients were told that they are not done. */
  readonly #refused: ClientOperation[] = []
  /** What a recovery gave up that was chosen. */
  #loss: Loss | undefined
  readonly #world: World & { isCalm: boolean }
  /** What was taken in this run. */
  #backup: Backup | undefined
  #failure: SimFailure | undefined

  constructor(options: SimOptions, checkHistory: HistoryCheck, keepLines: boolean, restored?: Restored) {
    this.#options = options
    this.#checkHistory = checkHistory
    this.#keepLines = keepLines
    this.#restored = restored
    this.#trace = new Trace(keepLines)
    const epoch = epochOf(options)
    const random = new Random(options.seed)
    const network = new Network(
      this.#scheduler,
      new Random(random.integer(0, 2 ** 31)),
      options.network,
      this.#trace,
      this.#coverage,
      (from, number, message) => {
        if (!this.#node(from).isOutcast) this.#guard(() => this.#invariants.onSend(from, number, message))
      },
    )
    this.#world = {
      options,
      scheduler: this.#scheduler,
      network,
      trace: this.#trace,
      coverage: this.#coverage,
      isCalm: false,
      hasCopyBeside: (node) => {
        const others = this.#nodes.filter((other) => other !== node)
        return others.some(({ stateDisk }) => stateDisk.appliedUpTo >= truncatedUpTo(this.#nodes))
      },
      onStored: (node, writes) =>
        this.#guardOf(node, () => {
          for (const each of writes) {
            this.#invariants.onDurable(node.id, each)
            if (each.write.kind === 'truncate') this.#mustBeApplied(node, each.write.upTo)
          }
        }),
      onStateStored: (node) =>
        this.#guardOf(node, () => this.#invariants.onStateStored(node.id, node.stateDisk.appliedUpTo)),
      onStateLost: (node) => this.#invariants.onStateLost(node.id),
      onElected: (node) => this.#nemesis.onElected(node),
      onEpochBegan: (node, begun) => {
        if (!node.isOutcast) this.#join(begun, node.cluster)
      },
      onApply: (node, slot, entry, replies) =>
        this.#guardOf(node, () => this.#invariants.onApply(node.id, slot, entry, replies)),
      onDivergence: (message) => this.#guard(() => insist(false, 'same chain (8)', message)),
      onBug: (error) => this.#fail(error),
    }
    for (const { id } of epoch.members) this.#nodes.push(new SimNode(id, epoch, this.#world))
    const mayCorrupt = options.q2 >= 2 && options.q1 < options.nodes
    if (options.isBeyond) {
      for (const node of this.#nodes) node.mayCorrupt = true
    } else if (mayCorrupt) {
      const damaged = this.#nodes[random.integer(0, this.#nodes.length)]
      if (damaged !== undefined) damaged.mayCorrupt = true
    }
    const upTo = beginningOf(restored?.backup)
    const ghost = restored === undefined ? undefined : { upTo, before: restored.before }
    this.#invariants = new Invariants(epoch, (id) => this.#node(id).acceptorDisk, ghost)
    for (const { acceptorDisk, stateDisk } of restored === undefined ? [] : this.#nodes) {
      acceptorDisk.recover(restoredWrites(epoch, upTo))
      stateDisk.fill(restored?.backup.pairs ?? [])
    }
    const host = { options, scheduler: this.#scheduler, trace: this.#trace, nodes: this.#nodes }
    this.#nemesis = new Nemesis({ ...host, network, coverage: this.#coverage }, new Random(random.integer(0, 2 ** 31)))
    this.#disaster = new Disaster({
      ...{ ...host, network, coverage: this.#coverage },
      log: (what) => this.#log(what),
      onPlanned: (recovery, survivors) => this.#guard(() => this.#onRecovered(recovery, survivors)),
    })
    for (let number = 1; number <= options.workload.clients; number++) {
      const clientHost = {
        ...{ ...host, coverage: this.#coverage },
        onSubmitted: (request: Uint8Array) => this.#invariants.onSubmitted(request),
        onFinished: (operation: ClientOperation) => void this.#history.push(operation),
        onRefused: (operation: ClientOperation) => void this.#refused.push(operation),
      }
      this.#clients.push(new SimClient(number, clientHost, new Random(random.integer(0, 2 ** 31))))
    }
  }

  run(): SimResult {
    for (const node of this.#nodes) node.start()
    for (const client of this.#clients) client.start()
    this.#nemesis.start()
    this.#disaster.start()
    const { atMs } = this.#options.restore
    if (atMs > 0) this.#scheduler.after(atMs, () => this.#takeBackup())
    this.#advance(this.#options.durationMs)
    if (this.#options.hasLivenessPhase && this.#failure === undefined) this.#requireLiveness()
    if (this.#failure === undefined) this.#guard(() => this.#judge())
    const lines = this.#failure === undefined ? this.#restore() : []
    return {
      options: this.#options,
      failure: this.#failure,
      traceHash: this.#trace.hash,
      events: this.#trace.count,
      simulatedMs: this.#scheduler.now,
      chosenSlots: this.#invariants.chosenSlots,
      answered: this.#clients.reduce((sum, client) => sum + client.finished, 0),
      coverage: this.#coverage,
      history: this.#history,
      lines: [...this.#trace.lines, ...lines],
    }
  }

  #node(id: NodeId): SimNode {
    const node = this.#nodes.find((one) => one.id === id)
    assert(node !== undefined, 'no node %s', id)
    return node
  }

  /** New members start when the first node knows the epoch that has them: as somebody who waited to be let in. */
  #join(epoch: Epoch, cluster: number): void {
    for (const { id } of epoch.members) {
      const namesake = this.#nodes.find((node) => node.id === id)
      if (namesake?.isOutcast === false) continue
      // An id that only the lost log gave is given again.
      if (namesake !== undefined) this.#remove(namesake)
      this.#coverage.hit('epoch.joined')
      const node = new SimNode(id, epoch, this.#world)
      node.cluster = cluster
      this.#world.network.join(id, cluster)
      this.#nodes.push(node)
      this.#scheduler.after(1, () => node.isUp || node.isOff || node.start())
    }
  }

  #remove(outcast: SimNode): void {
    outcast.isOff = true
    outcast.crash('for good')
    this.#nodes.splice(this.#nodes.indexOf(outcast), 1)
    this.#invariants.onStateLost(outcast.id)
  }

  #onRecovered(recovery: Recovery, survivors: readonly SimNode[]): void {
    // Up to now everything was as if nobody would die. Once something is lost it cannot be judged any more.
    const before = this.#calls()
    const revision = (slot: Slot): number => this.#invariants.revisionBelow(slot)
    const lost = this.#invariants.onRecovered(
      recovery,
      survivors.map(({ id }) => id),
    )
    this.#coverage.hit(lost === undefined ? 'recovery.exact' : 'recovery.lossy')
    if (lost === undefined) return
    this.#loss = { atMs: this.#scheduler.now, slot: lost, revision: revision(lost) }
    this.#mustBeLinearizable(before)
  }

  /** From whatever node: one that is behind has an older one to give. What is in it is what a client may read there. */
  #takeBackup(): void {
    const nodes = this.#nodes.filter(({ isOutcast }) => !isOutcast)
    const node = nodes[new Random(this.#options.seed ^ 0xbac1).integer(0, nodes.length)]
    this.#backup = node === undefined ? undefined : takeBackup(node.stateDisk)
    if (this.#backup === undefined) return
    this.#coverage.hit('backup.taken')
    this.#log(`takes a backup of n${node?.id} at revision ${this.#backup.answer.revision}`)
    const { now } = this.#scheduler
    const input = { kind: 'query', query: everything, isStale: true } as const
    this.#history.push({ client: 0, invokedAt: now, returnedAt: now, input, output: this.#backup.answer })
  }

  /** Another cluster begins with the backup. Returns what happened there. */
  #restore(): readonly string[] {
    if (this.#backup === undefined) return []
    const restored = { backup: this.#backup, before: this.#invariants.given }
    const options = restoredOptions(this.#options)
    const result = new Simulation(options, this.#checkHistory, this.#keepLines, restored).run()
    this.#coverage.hit('backup.restored')
    this.#coverage.add(result.coverage.toJSON())
    this.#log(`restored: ${result.traceHash}`)
    if (result.failure !== undefined) {
      const { check, message } = result.failure
      this.#fail(new InvariantError(`restored, ${check}: ${message}`))
    }
    return result.lines
  }

  #advance(ms: number): void {
    const end = this.#scheduler.now + ms
    // The lease is looked at between steps, at times that have nothing to do with the nodes' own.
    while (this.#scheduler.now < end && this.#failure === undefined) {
      const next = this.#options.leaseMs === 0 ? end : Math.min(end, this.#scheduler.now + 10)
      this.#guard(() => this.#scheduler.runUntil(next, () => this.#failure !== undefined))
      this.#guard(() => this.#oneLease())
    }
  }

  /** Invariant 14: at no time would two nodes answer a read on the strength of a lease. */
  #oneLease(): void {
    if (this.#options.leaseMs === 0) return
    // A paused machine answers nothing. When it wakes it looks at its clocks before it speaks, and so does `holdsLease`.
    const holders = this.#nodes.filter((node) => !node.isPaused && node.replica?.holdsLease() === true)
    insist(
      holders.length <= 1,
      'one lease (14)',
      () => `${holders.map((node) => `n${node.id}`).join(' and ')} would both answer reads`,
    )
  }

  /** Invariant 10: what the log forgets, the machine's disk holds. */
  #mustBeApplied(node: SimNode, upTo: Slot): void {
    const applied = node.stateDisk.appliedUpTo
    insist(
      upTo <= applied,
      'truncated is applied (10)',
      () => `n${node.id} truncates its log below ${upTo} and has durably applied only what is below ${applied}`,
    )
  }

  /** Heals a random set of nodes that is enough to elect and to choose; the rest stays as it is for ever. */
  #requireLiveness(): void {
    this.#nemesis.stop()
    this.#disaster.stop()
    while (this.#disaster.isUnderWay && this.#failure === undefined) this.#advance(100)
    this.#world.isCalm = true
    this.#world.network.calm()
    const core = this.#core()
    for (const node of this.#nodes) {
      node.resume()
      node.isFull = false
      if (core.includes(node)) {
        if (node.isStopping) node.crash('while it stops')
        if (!node.isUp) node.start()
      } else if (node.isUp) {
        node.crash('outside the core')
      }
    }
    let members = this.#membersAmong(core)
    for (const client of this.#clients) client.settleIn(members)
    if (this.#options.changes.everyMs > 0) {
      // A change that was under way may take some of them out.
      this.#advance(settleMs)
      members = this.#membersAmong(core)
      for (const client of this.#clients) client.settleIn(members)
    }
    const before = this.#clients.map((client) => client.finished)
    this.#advance(settleMs)
    this.#guard(() => {
      const leader = core.find((node) => node.engine?.status().steady === true)
      insist(leader !== undefined, 'liveness (16)', () => 'nobody leads a connected quorum')
      for (const [index, client] of this.#clients.entries()) {
        insist(client.finished > (before[index] ?? 0), 'liveness (16)', () => `client ${index + 1} is not answered`)
      }
    })
    for (const client of this.#clients) client.stop()
    this.#advance(settleMs)
    this.#drain()
    this.#everyNodeServes(members)
    this.#drain()
    this.#guard(() => this.#sameState(members))
  }

  /** When nothing is wrong any more, each node answers whoever asks it, whatever it did in its earlier incarnations. */
  #everyNodeServes(core: readonly SimNode[]): void {
    const answers = new Map<SimNode, string[]>()
    for (const [index, node] of core.entries()) {
      const told: string[] = []
      answers.set(node, told)
      const probe = new Probe(this.#options.workload.clients + 1 + index, node, this.#scheduler, (operation) => {
        this.#history.push(operation)
        told.push(operation.input.kind)
      })
      this.#invariants.onSubmitted(probe.request)
      probe.start(serveMs)
    }
    this.#advance(serveMs)
    this.#guard(() => {
      for (const [node, told] of answers) {
        insist(told.length === 2, 'liveness (16)', () => `n${node.id} answers only ${told.join() || 'nothing'}`)
      }
    })
  }

  /** A slow leader may have a queue that its clients no longer wait for; states are compared when it is empty. */
  #drain(): void {
    for (let seconds = 0, before = -1; seconds < 60 && before !== this.#invariants.chosenSlots; seconds += 2) {
      before = this.#invariants.chosenSlots
      this.#advance(2000)
    }
  }

  #core(): SimNode[] {
    if (this.#options.changes.everyMs > 0 || this.#disaster.isOver) {
      return coreOf(this.#invariants.newest, this.#nodes)
    }
    return drawCore(this.#options, this.#nodes)
  }

  #membersAmong(nodes: readonly SimNode[]): SimNode[] {
    return nodes.filter(({ id }) => isMember(this.#invariants.newest, id))
  }

  #sameState(core: readonly SimNode[]): void {
    const states = core.map((node) => {
      const applied = node.replica?.status().appliedUpTo
      let hash = 0
      for (const [key, value] of node.stateDisk.contents()) {
        hash = crc32c(value, crc32c(new Uint8Array([...key].map((unit) => unit.charCodeAt(0))), hash))
      }
      return `applied<${applied} hash ${hash.toString(16)}`
    })
    insist(new Set(states).size === 1, 'convergence (8)', () =>
      core.map((node, index) => `n${node.id} ${states[index]}`).join(', '),
    )
    for (const { id, stateDisk } of core) this.#invariants.trail.mustBeThatOf(id, stateDisk.view)
  }

  #judge(): void {
    const loss = this.#loss
    if (loss === undefined) {
      this.#mustBeLinearizable(this.#calls())
      return
    }
    const calls = this.#calls((operation) => afterLoss(operation, loss))
    // What was refused may have a vote that is left, and the entry that was chosen instead of it may be lost.
    const refused = this.#refused.filter(({ invokedAt }) => invokedAt < loss.atMs)
    const done = refused.filter(({ request }) => request !== undefined && this.#invariants.isApplied(request))
    this.#mustBeLinearizable([...calls, ...done.flatMap((operation) => this.#settled(operation) ?? [])])
  }

  /** All that clients asked, with what the log shows of those that they did not hear of. */
  #calls(known: (operation: ClientOperation) => ClientOperation | undefined = (same) => same): ClientOperation[] {
    const open = this.#clients.flatMap((client) => client.open ?? [])
    return [...this.#history, ...open].flatMap((operation) => {
      const left = known(operation)
      return (left === undefined ? undefined : this.#settled(left)) ?? []
    })
  }

  #mustBeLinearizable(calls: readonly ClientOperation[]): void {
    const problem = this.#checkHistory(calls.map(withoutGap), this.#start())
    if (problem !== undefined) this.#fail(new InvariantError(`linearizability (15): ${problem}`))
  }

  /** The log knows what became of an operation that its client never heard of again; undefined when it was never done. */
  #settled(operation: ClientOperation): ClientOperation | undefined {
    if (operation.returnedAt !== undefined || operation.request === undefined) return operation
    const outcome = this.#invariants.outcomeOf(operation.request)
    if (outcome === undefined) return operation
    return outcome.reply === undefined ? undefined : { ...operation, output: outcome.reply }
  }

  #start(): Start | undefined {
    if (this.#restored === undefined) return undefined
    const { revision, items } = lowered(this.#restored.backup.answer)
    return { revision, items: items.map(fromItem) }
  }

  /** Nobody hears what a node says or thinks that was given up. */
  #guardOf(node: SimNode, task: () => void): void {
    if (!node.isOutcast) this.#guard(task)
  }

  #log(what: string): void {
    const { now } = this.#scheduler
    this.#trace.event(traceKind.fault, 0, what.length, undefined, () => `${stamp(now)} operator ${what}`)
  }

  #guard(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return
    const text =
      error instanceof InvariantError || error instanceof AssertionError ? error.message : String(error.stack)
    const split = error instanceof InvariantError ? text.indexOf(': ') : -1
    this.#failure = {
      check: split > 0 ? text.slice(0, split) : error.name,
      message: split > 0 ? text.slice(split + 2) : text,
      atMs: this.#scheduler.now,
    }
  }
}

function epochOf({ nodes, q1, q2, leaseMs, audit }: SimOptions): Epoch {
  return {
    number: firstEpoch,
    protocol: 'multi',
    members: Array.from({ length: nodes }, (_, index) => ({
      id: toNodeId(index + 1),
      name: `n${index + 1}`,
      peerAddress: `n${index + 1}:7701`,
      kind: 'acceptor' as const,
    })),
    q1,
    q2,
    leaseMs,
    startSlot: firstSlot,
    featureLevel: audit.featureLevel,
    highestId: toNodeId(nodes),
  }
}

/** A history as text, for looking at. */
export function describeOperation({ client, invokedAt, returnedAt, input, output }: ClientOperation): string {
  const bytes = (_key: string, value: unknown): unknown => (value instanceof Uint8Array ? toBinary(value) : value)
  return `client ${client} [${invokedAt.toFixed(1)}, ${returnedAt?.toFixed(1) ?? '?'}] ${JSON.stringify(input, bytes)} -> ${JSON.stringify(output, bytes)}`
}
