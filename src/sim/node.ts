import { assert } from '../base/assert.ts'
import { Random } from '../base/random.ts'
import { KvMachine } from '../machine/kv-machine.ts'
import type { Machine } from '../machine/machine.ts'
import type { Reply } from '../machine/request.ts'
import type { Entry } from '../protocol/entry.ts'
import { type Epoch, isMember } from '../protocol/epoch.ts'
import { type EpochNumber, firstGroup, type GroupId, type NodeId, type Slot, toIncarnation } from '../protocol/ids.ts'
import { MultiPaxos } from '../protocol/multipaxos/multipaxos.ts'
import { defaultMultiPaxosOptions } from '../protocol/multipaxos/options.ts'
import { Driver } from '../runtime/driver.ts'
import { GrowthGate } from '../runtime/growth-gate.ts'
import type { Observer } from '../runtime/observer.ts'
import { defaultReplicaOptions } from '../runtime/options.ts'
import type { PeerMessage } from '../runtime/peer-message.ts'
import type { GroupWrite } from '../runtime/ports.ts'
import { Replica } from '../runtime/replica.ts'
import { AcceptorDisk, type CommitFate } from './acceptor-disk.ts'
import { clockDriftMax, SimClock } from './clock.ts'
import type { Coverage } from './fault-points.ts'
import { type Network, stamp } from './network.ts'
import type { SimOptions } from './options.ts'
import type { Scheduler } from './scheduler.ts'
import { StateDisk } from './state-disk.ts'
import { storeOfOneLife } from './store-of-one-life.ts'
import { type Trace, traceKind } from './trace.ts'
import { describeEpoch, describeWrite } from './transcript.ts'

export interface World {
  readonly options: SimOptions
  readonly scheduler: Scheduler
  readonly network: Network
  readonly trace: Trace
  readonly coverage: Coverage
  /** Faults are over: nothing crashes or fails any more. */
  readonly isCalm: boolean
  /** Is everything that logs have forgotten in the machine of another node than this one? */
  hasCopyBeside(node: SimNode): boolean
  onStored(node: SimNode, writes: readonly GroupWrite[]): void
  onStateStored(node: SimNode): void
  onStateLost(node: SimNode): void
  onElected(node: SimNode): void
  /** The node knows that it has begun. */
  onEpochBegan(node: SimNode, epoch: Epoch): void
  onApply(node: SimNode, slot: Slot, entry: Entry, replies: readonly Reply[]): void
  /** Two machines are not the same. */
  onDivergence(message: () => string): void
  /** An assertion failed, or something that must not happen did. */
  onBug(error: Error): void
}

const tickMs = 50

/** A node of the cluster: the real driver, replica, engine and machine on false ports. The disks outlive it. */
export class SimNode {
  readonly id: NodeId
  readonly acceptorDisk: AcceptorDisk
  readonly stateDisk: StateDisk
  readonly clock: SimClock
  readonly #world: World
  readonly #random: Random
  readonly #isSlow: boolean
  #incarnation = 0
  /** Counts starts and ends; what was scheduled before the last of them is void. */
  #life = 0
  #driver: Driver | undefined
  #replica: Replica | undefined
  #engine: MultiPaxos | undefined
  #engineEpoch = 0
  #isPaused = false
  #isStopping = false
  #backlog: (() => void)[] = []
  readonly #waiting = new Set<() => void>()
  isFull = false
  /** May its votes be damaged? Only one node's, so that every chosen entry keeps enough whole copies. */
  mayCorrupt = false
  /** Nobody starts it: it is dead, or an operator has stopped it. */
  isOff = false
  /** What its disk says. */
  cluster = 0
  /** It was given up as dead, and the others are another cluster now. */
  isOutcast = false

  /** `epoch`: the first in which it is a member. */
  constructor(id: NodeId, epoch: Epoch, world: World) {
    this.id = id
    this.#world = world
    const { options, scheduler } = world
    this.#random = new Random(options.seed * 7919 + id)
    this.#isSlow = this.#random.chance(options.process.slow)
    const { drift, isExtreme } = options.clock
    const draw = this.#random.next() * 2 - 1
    const isSlowest = id === 1 + (options.seed % options.nodes)
    const rate = 1 + (isExtreme ? (isSlowest ? -1 : 1) : draw) * drift
    if (options.clock.drift > 0) world.coverage.hit('clock.drift')
    this.clock = new SimClock(scheduler, rate, this.#random.next() * 1000, (task) => this.#defer(task))
    const host = {
      after: (delayMs: number, task: () => void) => this.#after(delayMs, task),
      fate: () => this.#fate(),
      onCommit: (writes: readonly GroupWrite[]) => this.#onCommit(writes),
      onDurable: (writes: readonly GroupWrite[]) => this.#onDurable(writes),
      onStored: (writes: readonly GroupWrite[]) => world.onStored(this, writes),
      onStateStored: () => world.onStateStored(this),
    }
    this.acceptorDisk = new AcceptorDisk(host)
    this.acceptorDisk.begin(epoch)
    this.stateDisk = new StateDisk(host)
    world.network.attach(id, { receive: (from, group, epoch, message) => this.#receive(from, group, epoch, message) })
  }

  get isUp(): boolean {
    return this.#driver !== undefined
  }

  get mayStart(): boolean {
    return !this.isUp && !this.isFull && !this.isOff
  }

  /** It was told to stop and has not left yet. */
  get isStopping(): boolean {
    return this.#isStopping
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  get replica(): Replica | undefined {
    return this.#replica
  }

  get engine(): MultiPaxos | undefined {
    return this.#engine
  }

  /** The newest epoch that its disk knows. */
  get epoch(): Epoch {
    const epoch = this.acceptorDisk.epochs.at(-1)
    assert(epoch !== undefined, 'n%s knows no epoch', this.id)
    return epoch
  }

  get incarnation(): number {
    return this.#incarnation
  }

  start(): void {
    assert(this.#driver === undefined, 'n%s runs already', this.id)
    const { trace, scheduler } = this.#world
    this.#life++
    this.#incarnation++
    this.#damage()
    trace.event(
      traceKind.start,
      this.id,
      this.#incarnation,
      undefined,
      () => `${stamp(scheduler.now)} n${this.id} starts`,
    )
    const observer = this.#observer()
    const driver = new Driver({
      self: this.id,
      store: this.acceptorDisk,
      links: {
        send: (group, epochNumber, to, message) => this.#send(group, epochNumber, to, message),
        isConnected: (to) => this.#world.network.isConnected(this.id, to),
        setMembers: () => {},
      },
      clock: this.clock,
      observer,
      onFatal: (error) => this.#onFatal(error),
    })
    this.#driver = driver
    try {
      this.#replica = this.#createReplica(driver, observer)
    } catch (error) {
      this.#onFatal(error instanceof Error ? error : new Error(String(error)))
      return
    }
    driver.add(this.#replica)
    this.#tick()
  }

  /** Everything in memory is gone, and of unfinished commits only what the disk happened to have. */
  crash(why: string): void {
    if (this.#driver === undefined) return
    const { trace, scheduler, options, coverage } = this.#world
    trace.event(traceKind.crash, this.id, 0, undefined, () => `${stamp(scheduler.now)} n${this.id} crashes (${why})`)
    this.#driver.kill()
    this.#driver = undefined
    this.#replica = undefined
    this.#engine = undefined
    this.#engineEpoch = 0
    this.#life++
    this.#isPaused = false
    this.#isStopping = false
    this.#backlog = []
    let kept = 0
    while (kept < this.acceptorDisk.unfinished && this.#random.chance(options.disk.keepUnsynced)) kept++
    if (kept > 0) coverage.hit('disk.keptUnsynced')
    if (kept < this.acceptorDisk.unfinished) coverage.hit('disk.lostUnsynced')
    this.acceptorDisk.crash(kept)
    this.stateDisk.crash()
    for (const hangUp of this.#waiting) hangUp()
    this.#waiting.clear()
  }

  /** Told when the node crashes, as the other end of a connection is. Returns how to hear of it no longer. */
  onHangUp(hangUp: () => void): () => void {
    this.#waiting.add(hangUp)
    return () => void this.#waiting.delete(hangUp)
  }

  /** Stops as an operator has it stopped: it gives up leadership, ends what is open, and leaves. */
  stop(): void {
    this.#isStopping = true
    this.run(() => this.#driver?.retire(() => this.crash('after it was told to stop')))
  }

  pause(): void {
    if (this.#driver === undefined) return
    this.#isPaused = true
    const { trace, scheduler } = this.#world
    trace.event(traceKind.fault, this.id, 1, undefined, () => `${stamp(scheduler.now)} n${this.id} pauses`)
  }

  /** Goes on with everything that came in meanwhile, as a process does after SIGCONT. */
  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    const { trace, scheduler } = this.#world
    trace.event(traceKind.fault, this.id, 2, undefined, () => `${stamp(scheduler.now)} n${this.id} resumes`)
    for (const task of this.#backlog.splice(0)) task()
  }

  /** Runs in this node's process: later if it is paused, never if it has crashed by then. */
  run(task: () => void): void {
    const life = this.#life
    const guarded = (): void => {
      if (life !== this.#life) return
      if (this.#isPaused) this.#backlog.push(guarded)
      else task()
    }
    guarded()
  }

  #createReplica(driver: Driver, observer: Observer): Replica {
    const { options } = this.#world
    const { limits } = options
    const life = this.#life
    return new Replica({
      group: firstGroup,
      epochs: this.acceptorDisk.epochs,
      self: this.id,
      incarnation: toIncarnation(this.#incarnation),
      host: driver.host(firstGroup),
      clock: this.clock,
      observer,
      options: {
        ...defaultReplicaOptions,
        batchRequestsMax: limits.batchRequestsMax,
        stateFlushMs: limits.stateFlushMs,
        snapshotChunkBytes: limits.snapshotChunkBytes,
      },
      stateStore: storeOfOneLife(this.stateDisk, () => life === this.#life),
      growthGate: new GrowthGate(() => undefined),
      createMachine: (view) => this.#watched(new KvMachine(view)),
      createEngine: (epoch, appliedUpTo, isNew) => {
        const engine = new MultiPaxos({
          self: this.id,
          incarnation: toIncarnation(this.#incarnation),
          epoch,
          state: this.acceptorDisk.load(firstGroup, epoch.number),
          appliedUpTo,
          random: new Random(options.seed * 104_729 + this.id * 31 + this.#incarnation + (epoch.number - 1) * 7),
          options: {
            ...defaultMultiPaxosOptions,
            pipelineSlotsMax: limits.pipelineSlotsMax,
            logSlotsKeptMax: limits.logSlotsKeptMax,
            openSlotsMax: limits.openSlotsMax,
            logBytesKeptMax: limits.logBytesKeptMax,
            messageBytesMax: limits.messageBytesMax,
            heartbeatMs: limits.heartbeatMs,
            electionTimeoutMs: limits.electionTimeoutMs,
            resendMs: 2 * limits.heartbeatMs,
            clockDriftMax,
          },
          now: this.clock.now(),
          isNew,
        })
        // One that had been skipped is of an epoch that is over.
        if (epoch.number >= this.#engineEpoch) this.#engine = engine
        this.#engineEpoch = Math.max(this.#engineEpoch, epoch.number)
        return engine
      },
    })
  }

  /** The machine itself, with a look at everything that it applies. */
  #watched(machine: KvMachine): Machine {
    const apply = machine.apply.bind(machine)
    machine.apply = (slot, entry) => {
      const replies = apply(slot, entry)
      const { trace, scheduler } = this.#world
      trace.event(
        traceKind.apply,
        this.id,
        slot,
        entry.payload,
        () => `${stamp(scheduler.now)} n${this.id} applies ${entry.kind} in slot ${slot}`,
      )
      this.#world.onApply(this, slot, entry, replies)
      return replies
    }
    return machine
  }

  #tick(): void {
    this.#driver?.tick()
    this.#after(this.clock.worldMs(tickMs), () => this.#tick())
  }

  #receive(from: NodeId, group: GroupId, epoch: EpochNumber, message: PeerMessage): void {
    this.run(() => this.#driver?.onMessage({ group, epoch, from, message }))
  }

  #defer(task: () => void): void {
    const { options } = this.#world
    const delayMs = this.#isSlow ? this.#random.next() * options.process.slowMs : 0.01
    if (this.#isSlow) this.#world.coverage.hit('process.slow')
    this.#after(delayMs, task)
  }

  #after(delayMs: number, task: () => void): void {
    const life = this.#life
    this.#world.scheduler.after(delayMs, () => {
      if (life === this.#life) this.run(task)
    })
  }

  #send(group: GroupId, epoch: EpochNumber, to: readonly NodeId[], message: PeerMessage): void {
    const { process } = this.#world.options
    const { coverage, network } = this.#world
    if (this.#mayCrash(process.crashBeforeSend)) {
      coverage.hit('crash.beforeSend')
      this.crash('before a send')
      return
    }
    if (!this.#mayCrash(process.crashAfterSend)) {
      network.send(this.id, group, epoch, to, message)
      return
    }
    // A message to several leaves once for each of them.
    const sent = to.slice(0, this.#random.integer(1, to.length + 1))
    network.send(this.id, group, epoch, sent, message)
    coverage.hit('crash.afterSend')
    this.crash('after a send')
  }

  #onCommit(writes: readonly GroupWrite[]): void {
    const { trace, scheduler, options, coverage } = this.#world
    trace.event(
      traceKind.commit,
      this.id,
      writes.length,
      undefined,
      () => `${stamp(scheduler.now)} n${this.id} writes ${writes.map(({ write }) => describeWrite(write)).join(', ')}`,
    )
    if (!this.#mayCrash(options.process.crashBeforeCommit)) return
    coverage.hit('crash.beforeCommit')
    this.crash('before a commit')
  }

  #onDurable(writes: readonly GroupWrite[]): void {
    const { trace, scheduler, options, coverage } = this.#world
    trace.event(
      traceKind.durable,
      this.id,
      writes.length,
      undefined,
      () =>
        `${stamp(scheduler.now)} n${this.id} durable: ${writes.map(({ write }) => describeWrite(write)).join(', ')}`,
    )
    if (writes.some(({ write }) => write.kind === 'truncate')) coverage.hit('log.truncated')
    if (!this.#mayCrash(options.process.crashAfterCommit)) return
    coverage.hit('crash.afterCommit')
    this.crash('after a commit, before anybody was told')
  }

  #fate(): CommitFate {
    const { disk } = this.#world.options
    const { coverage, isCalm } = this.#world
    let delayMs = disk.meanCommitMs * (0.3 + this.#random.next() * 1.4)
    if (!isCalm && this.isFull) {
      coverage.hit('disk.full')
      return { delayMs, failure: 'no space left on device' }
    }
    if (!isCalm && this.#random.chance(disk.failed)) {
      coverage.hit('disk.commitFailed')
      return { delayMs, failure: 'input/output error' }
    }
    if (!isCalm && this.#random.chance(disk.delayed)) {
      coverage.hit('disk.commitDelayed')
      delayMs += disk.delayMs
    }
    return { delayMs, failure: undefined }
  }

  /** What happens to the disk while the node is down. */
  #damage(): void {
    const { disk } = this.#world.options
    const { isCalm, coverage } = this.#world
    if (isCalm || this.#incarnation === 1) return
    const image = this.acceptorDisk.image(this.epoch.number)
    if (disk.refused > 0 && this.#random.chance(disk.refused)) image.isRefused = true
    if (this.mayCorrupt && this.#random.chance(disk.corruptVote) && image.votes.size > 0) {
      // What lies below the chosen watermark is fetched again; the newest votes are those that elections turn on.
      const slots = [...image.votes.keys()].sort((a, b) => a - b)
      const open = slots.findIndex((slot) => slot >= image.chosenUpTo)
      const newest = open < 0 ? Math.max(0, slots.length - 3) : open
      const first = this.#random.chance(0.6) ? newest : 0
      const slot = slots[this.#random.integer(first, slots.length)]
      if (slot !== undefined) image.corrupt.add(slot)
      coverage.hit('disk.corruptVote')
    }
    // From the only copy's loss nothing recovers.
    if (this.mayCorrupt && this.#random.chance(disk.stateLost) && this.#world.hasCopyBeside(this)) {
      this.stateDisk.wipe()
      this.#world.onStateLost(this)
      coverage.hit('disk.stateLost')
    }
  }

  #mayCrash(chance: number): boolean {
    return !this.#world.isCalm && this.#driver !== undefined && this.#random.chance(chance)
  }

  /** A disk that failed stops the node, as it must; anything else is a bug. */
  #onFatal(error: Error): void {
    if ('code' in error && error.code === 'STORE_FAILED') this.crash('the disk failed')
    else if ('code' in error && error.code === 'DATA_DIR_REFUSED') this.crash('its disk is refused')
    else this.#world.onBug(error)
  }

  #observer(): Observer {
    const { coverage, trace, scheduler } = this.#world
    const nothing = (): void => {}
    return {
      committed: nothing,
      stateCommitted: nothing,
      proposed: nothing,
      applied: nothing,
      requestDone: nothing,
      readDone: nothing,
      roleChanged: (role, leader, round, node) => {
        if (role === 'leader') this.#world.onElected(this)
        trace.event(
          traceKind.role,
          this.id,
          round * 10 + node,
          undefined,
          () =>
            `${stamp(scheduler.now)} n${this.id} is ${role}${leader === undefined ? '' : ` of n${leader}`} at ${round}.${node}`,
        )
      },
      epochBegan: (epoch) => {
        this.#world.onEpochBegan(this, epoch)
        if (!isMember(epoch, this.id)) coverage.hit('epoch.removed')
        trace.event(
          traceKind.role,
          this.id,
          epoch.number,
          undefined,
          () => `${stamp(scheduler.now)} n${this.id} begins ${describeEpoch(epoch)}`,
        )
      },
      snapshotSent: () => coverage.hit('snapshot.sent'),
      snapshotInstalled: () => coverage.hit('snapshot.installed'),
      // Nothing that happens to disks and networks makes machines differ.
      divergence: ({ node, first }) =>
        this.#world.onDivergence(
          () =>
            `n${this.id} finds that n${node} has applied otherwise, first in a slot from ${first.from} to ${first.to - 1}`,
        ),
      note: nothing,
    }
  }
}
