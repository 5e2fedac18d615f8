import { assert, unreachable } from '../base/assert.ts'
import { encodeBarrier, encodeBatch } from '../machine/command-codec.ts'
import type { Effect } from '../protocol/effect.ts'
import type { Engine } from '../protocol/engine.ts'
import type { Entry } from '../protocol/entry.ts'
import type { Epoch } from '../protocol/epoch.ts'
import type { Event } from '../protocol/event.ts'
import type { EpochNumber, GroupId, Incarnation, NodeId, Slot } from '../protocol/ids.ts'
import type { SlotRange } from '../protocol/multipaxos/message.ts'
import { ClockWatch } from './clock-watch.ts'
import { EpochChange } from './epoch-change.ts'
import { type EarlyMessage, EpochKeeper } from './epoch-keeper.ts'
import type { Epochs, OpenEpoch } from './epochs.ts'
import { ForwardDesk } from './forward-desk.ts'
import { HistoryKeeper } from './history-keeper.ts'
import { Inspection, logLines, replyTo, reportOf, survivorLogs } from './inspection.ts'
import { type Observer, timingOf } from './observer.ts'
import { openEpochs } from './open-epochs.ts'
import type { ReplicaOptions } from './options.ts'
import type { Outcome, PeerMessage } from './peer-message.ts'
import type { Clock } from './ports.ts'
import { ReadDesk } from './read-desk.ts'
import { whyLate, whyNotReady } from './readiness.ts'
import { leaderOverloaded, notLeading, overloaded, stopping } from './refusals.ts'
import type { AcceptorReport, LogLine, ReplicaService, ReplicaStatus } from './replica-service.ts'
import type { ReplicaHost, ReplicaSetup } from './replica-setup.ts'
import { type PendingRequest, pendingRequest, Requests } from './requests.ts'
import { Snapshots } from './snapshots.ts'
import { ReplicaState } from './state.ts'
import { Verifier } from './verifier.ts'

/** For requests that no client of this node waits for: another node forwarded them, in case it is gone, or this node made. */
const ownTimeoutMs = 30_000
/** Numbers of forwarded requests that one incarnation of a node may use; 2^21 of them are safe integers. */
const forwardsPerLife = 2 ** 32
/** How much of the log is applied at once when the node starts. */
const replayBytes = 4 * 1024 * 1024

/** One group on one node: its engine and machine, and everything that waits for them. */
export class Replica implements ReplicaService {
  readonly group: GroupId
  readonly #self: NodeId
  readonly #host: ReplicaHost
  readonly #clock: Clock
  readonly #observer: Observer
  readonly #options: ReplicaOptions
  readonly #state: ReplicaState
  readonly #epochs: Epochs
  readonly #keeper: EpochKeeper
  readonly #change = new EpochChange()
  readonly #requests: Requests
  readonly #reads: ReadDesk
  readonly #snapshots: Snapshots
  readonly #inspection = new Inspection()
  readonly #clockWatch: ClockWatch
  readonly #forwardDesk: ForwardDesk
  readonly #historyKeeper: HistoryKeeper
  readonly #verifier: Verifier
  readonly epochs: ReplicaService['epochs'] = () => this.#epochs.known
  readonly survivorLogs = (): ReturnType<typeof survivorLogs> => survivorLogs(this.#epochs.open)
  readonly snapshot: ReplicaService['snapshot'] = (done) =>
    this.#verifier.own === undefined ? this.#state.currentSnapshot(done) : done(undefined)
  readonly verify: ReplicaService['verify'] = (...question) => this.#verifier.compare(...question)
  readonly verifyContent: ReplicaService['verifyContent'] = (...page) => this.#verifier.compareContent(...page)
  #inbox: { readonly open: OpenEpoch; readonly event: Event }[] = []
  #leader: NodeId | undefined
  #leaderIncarnation: Incarnation | undefined
  #role: 'leader' | 'candidate' | 'follower' | 'learner' = 'follower'
  #proposal = 0
  #isRetired = false
  /** This node led until the stop sign, so it is the first to know that somebody must lead next. */
  #isHeir = false
  #lastNow = 0

  constructor(setup: ReplicaSetup) {
    this.group = setup.group
    this.#self = setup.self
    this.#host = setup.host
    this.#clock = setup.clock
    this.#observer = setup.observer
    this.#options = setup.options
    this.#requests = new Requests(setup.options, setup.growthGate, setup.incarnation * forwardsPerLife)
    this.#forwardDesk = new ForwardDesk(setup.incarnation, {
      refusal: (request) => this.#refusal(request),
      enqueue: (request, answer) => this.#enqueue(request, this.#now() + ownTimeoutMs, answer, true),
      schedule: () => this.#host.schedule(),
    })
    this.#historyKeeper = new HistoryKeeper(setup.options.historyRevisionsMax, (request, done) =>
      this.#enqueue(request, this.#now() + ownTimeoutMs, done),
    )
    this.#clockWatch = new ClockWatch(setup.clock)
    this.#state = new ReplicaState(
      setup.stateStore,
      setup.createMachine,
      setup.clock,
      setup.observer,
      setup.options,
      () => this.#onDurable(),
      (error) => this.#host.fail(error),
    )
    this.#reads = new ReadDesk(setup.options.queueReadsMax, this.#state, setup.observer, {
      now: () => this.#now(),
      holdsLease: () => this.holdsLease(),
      leader: () => this.#leader,
      epochs: () => this.#epochs,
      diverged: () => this.#verifier.own,
      schedule: () => this.#host.schedule(),
    })
    const { stopSign } = this.#state.machine
    this.#epochs = openEpochs(setup, this.#state.durableUpTo, stopSign)
    this.#keeper = new EpochKeeper(setup, this.#epochs, this.#state, {
      createEngine: (epoch, appliedUpTo) => setup.createEngine(epoch, appliedUpTo, true),
      step: (event, open) => this.#step(event, open),
      send: (to, message) => this.#send(to, message),
      onBegun: (epoch, early) => this.#onBegun(epoch, early),
    })
    this.#snapshots = new Snapshots(setup, this.#state, {
      send: (to, message) => this.#send([to], message),
      onInstalled: (upTo) => this.#onInstalled(upTo),
    })
    this.#verifier = new Verifier(setup, this.#state, {
      members: () => this.epoch.members.map(({ id }) => id),
      send: (to, message) => this.#send(to, message),
      onDiverged: () => {
        this.#inbox.push({ open: this.#epochs.current, event: { kind: 'retire' } })
        this.#reads.onDiverged()
      },
    })
    this.#applyLog()
    if (stopSign !== undefined) this.#keeper.onStopSign(stopSign)
  }

  get epoch(): Epoch {
    return this.#epochs.newest
  }

  submit(request: Uint8Array, timeoutMs: number, done: (outcome: Outcome) => void): void {
    const refusal = this.#isRetired ? stopping : (this.#epochs.refusal ?? this.#requests.refusal(request, overloaded))
    const arrivedAt = this.#now()
    if (refusal !== undefined) done(refusal)
    else
      this.#enqueue(request, arrivedAt + timeoutMs, (outcome, proposedAt, chosenAt) => {
        const flushMs = this.#role === 'leader' ? this.#host.lastCommitMs() : 0
        const timing = timingOf(arrivedAt, proposedAt, chosenAt, this.#clock.now(), flushMs)
        done(outcome)
        this.#observer.requestDone(timing, outcome.kind)
      })
  }

  read(...[query, consistency, timeoutMs, done]: Parameters<ReplicaService['read']>): void {
    if (consistency === 'stale') this.#reads.readStale(query, done)
    else if (this.#isRetired) done(stopping)
    else this.#reads.readLinearizable(query, timeoutMs, done)
  }

  status(): ReplicaStatus {
    const { machine } = this.#state
    const engine = this.#engine.status()
    return {
      group: this.group,
      epoch: this.epoch,
      self: this.#self,
      engine,
      appliedUpTo: this.#state.appliedUpTo,
      durableUpTo: this.#state.durableUpTo,
      revision: machine.revision,
      compactedRevision: machine.compactedRevision,
      sessions: machine.sessions,
      verifiedUpTo: this.#verifier.checkedUpTo,
      diverged: this.#verifier.diverged,
      queuedRequests: this.#requests.queued,
      queuedReads: this.#reads.queue.size,
      isRemoved: this.#epochs.isRemoved,
      truncatedUpTo: this.#epochs.truncatedUpTo,
      notReady: whyNotReady({
        removedIn: this.#epochs.removedIn,
        self: this.#self,
        leader: this.#leader,
        engine,
        isRetired: this.#isRetired,
        diverged: this.#verifier.own,
        isInstalling: this.#snapshots.isFetching,
        isMissingData: this.#keeper.isMissingData(this.#now()),
        lagSlotsMax: this.#options.readyLagSlotsMax,
      }),
    }
  }

  log(range: SlotRange): readonly LogLine[] {
    return this.#epochs.open.flatMap((open, index) => logLines(open, this.#epochs.open[index + 1], range))
  }

  changeEpoch(...[next, timeoutMs, done, by]: Parameters<ReplicaService['changeEpoch']>): void {
    if (this.#role !== 'leader' || this.#isRetired) done(notLeading)
    else this.#change.ask(this.epoch, { next, by }, this.#now() + timeoutMs, done)
    this.#host.schedule()
  }

  seekLeadership(): void {
    this.#inbox.push({ open: this.#epochs.current, event: { kind: 'campaign' } })
    this.#host.schedule()
  }

  handOver(to: NodeId): boolean {
    if (this.#role !== 'leader' || this.#isRetired) return false
    this.#step({ kind: 'yield' })
    this.#send([to], { kind: 'takeOver' })
    this.#host.schedule()
    return true
  }

  inspect(range: SlotRange, timeoutMs: number, done: (reports: readonly AcceptorReport[]) => void): void {
    const own = reportOf(this.#self, this.#engine, range)
    const id = this.#inspection.ask(own, this.epoch.members.length, this.#now() + timeoutMs, done)
    const others = this.epoch.members.map((member) => member.id).filter((id) => id !== this.#self)
    this.#send(others, { kind: 'inspect', id, range })
  }

  onMessage(from: NodeId, number: EpochNumber, message: PeerMessage): void {
    const open = this.#epochs.of(number)
    switch (message.kind) {
      case 'epochBegun':
        this.#keeper.begin(message.epoch)
        return
      case 'takeOver':
        this.seekLeadership()
        return
      case 'forward':
        this.#forwardDesk.onForward(from, message)
        return
      case 'forwarded':
        for (const { id, outcome } of message.outcomes) this.#requests.onForwarded(from, id, outcome, this.#now())
        return
      case 'inspect':
        if (open !== undefined) this.#send([from], replyTo(this.#self, open.engine, message))
        return
      case 'inspectReply':
        this.#inspection.onReply(from, message)
        return
      case 'chain':
      case 'chainReply':
      case 'content':
      case 'contentReply':
        this.#verifier.onMessage(from, message)
        return
      case 'snapshotRequest':
        if (this.#verifier.own === undefined) this.#snapshots.onRequest(this.#now(), from, message)
        return
      case 'snapshotChunk':
        this.#snapshots.onChunk(this.#now(), from, message)
        return
      default:
        if (open === undefined) {
          this.#keeper.onForeign(this.#now(), from, number, message)
          return
        }
        this.#keeper.onHeard(this.#now(), from, number)
        this.#inbox.push({ open, event: { kind: 'message', from, message } })
    }
  }

  onTick(): void {
    const now = this.#now()
    for (const open of this.#epochs.open) this.#inbox.push({ open, event: { kind: 'tick' } })
    this.#keeper.onTick(now)
    this.#change.onTick(now)
    this.#requests.onTick(now, ...whyLate(this.#leader))
    this.#reads.onTick(now)
    this.#inspection.onTick(now)
    this.#verifier.onTick(now)
    this.#snapshots.onTick(now)
    if (this.#leader !== undefined && this.#leader !== this.#self) {
      const resends = this.#requests.takeResends(this.#leader, now, this.#options.resendMs)
      this.#sendForward(this.#leader, resends)
    }
    if (this.#role === 'leader' && !this.#isRetired) this.#historyKeeper.onTick(this.#state.machine)
    if (!this.#keeper.isMissingData(now)) return
    this.#snapshots.fetchFromAny(now, this.#engine.status(), this.#epochs.strangers())
  }

  /** One turn: everything that arrived, then what it allows, then the flush that lets it leave. */
  runTurn(): void {
    do {
      const inbox = this.#inbox
      this.#inbox = []
      for (const { open, event } of inbox) if (this.#epochs.open.includes(open)) this.#step(event, open)
      this.#pump()
      this.#watchClock()
      for (const open of this.#epochs.open) this.#step({ kind: 'flush' }, open)
    } while (this.#inbox.length > 0)
    this.#reads.serve()
    this.#forwardDesk.takeOutcomes((to, message) => this.#send([to], message))
    this.#state.flush()
  }

  /** Whether a read would be served now on the strength of a lease. */
  holdsLease(): boolean {
    return this.#engine.leaseHolds(this.#now()) && !this.#clockWatch.disagrees()
  }

  /** Gives up leadership, ends what is open, and makes the machine's data durable. */
  retire(done: () => void): void {
    this.#isRetired = true
    this.#inbox.push({ open: this.#epochs.current, event: { kind: 'retire' } })
    this.runTurn()
    this.#change.close()
    this.#requests.close(this.#now())
    this.#reads.close()
    this.#forwardDesk.takeOutcomes((to, message) => this.#send([to], message))
    this.#snapshots.close()
    this.#state.whenDurable(done)
  }

  /** Before each flush, where leases are made use of: a machine that slept must know it by then. */
  #watchClock(): void {
    if (this.epoch.leaseMs === 0 || !this.#clockWatch.hasJumped()) return
    this.#observer.note('warn', 'the clock jumped; the lease is void', {})
    this.#step({ kind: 'clockJumped' })
  }

  /** Of the epoch in which this node may lead. */
  get #engine(): Engine {
    return this.#epochs.current.engine
  }

  #step(event: Event, open = this.#epochs.current): void {
    for (const effect of open.engine.step(this.#now(), event)) this.#perform(effect, open)
  }

  #perform(effect: Effect, open: OpenEpoch): void {
    switch (effect.kind) {
      case 'send':
        if (effect.to.length > 0) this.#host.send(open.epoch.number, effect.to, effect.message)
        return
      case 'persist':
        this.#host.persist(open.epoch.number, effect.writes, effect.release)
        return
      case 'learn':
        this.#onLearn(effect.slot, effect.entry)
        return
      case 'proposed':
      case 'refused':
        // Only `#propose` proposes, and it takes these answers itself.
        assert(false, '%s outside a proposal', effect.kind)
        return
      case 'elected':
        // In an epoch that is over nothing new is proposed. Its last slots may need a leader to become known chosen.
        if (open !== this.#epochs.current) return
        this.#requests.takeBack(this.#now())
        this.#propose({ kind: 'barrier', payload: encodeBarrier(this.#clock.wallNow()) }, [])
        return
      case 'readable':
        this.#reads.queue.onReadable(effect.read, effect.upTo, effect.by)
        return
      case 'unreadable':
        this.#reads.queue.onUnreadable(effect.read)
        return
      case 'role':
        if (open !== this.#epochs.current) return
        if (effect.role !== 'leader') this.#change.onDeposed()
        this.#role = effect.role
        this.#leader = effect.leader
        this.#leaderIncarnation = effect.leaderIncarnation
        this.#observer.roleChanged(effect.role, effect.leader, effect.ballot.round, effect.ballot.node)
        return
      case 'behind':
        this.#snapshots.fetch(this.#now(), effect.from)
        return
      default:
        unreachable(effect)
    }
  }

  /** Hands queued requests to the engine or to the leader, and asks for the reads of this turn. */
  #pump(): void {
    const read = this.#reads.queue.ask()
    if (read !== undefined) this.#step({ kind: 'read', read })
    if (this.#isRetired || (this.#role === 'leader' && this.#verifier.own !== undefined)) return
    const { batchBytesMax, batchRequestsMax } = this.#options
    if (this.#change.unproposed !== undefined) {
      // Nothing new is begun until the stop sign is proposed, and that only when nothing else is open.
      const { steady, openSlots } = this.#engine.status()
      if (steady && openSlots === 0) this.#propose(this.#change.unproposed, [])
    } else if (this.#role === 'leader') {
      while (this.#engine.room() > 0 && !this.#state.isBehind) {
        const requests = this.#requests.take(batchBytesMax, batchRequestsMax)
        if (requests.length === 0) return
        const payload = encodeBatch(
          this.#clock.wallNow(),
          requests.map((request) => request.bytes),
        )
        this.#propose({ kind: 'batch', payload }, requests)
      }
    } else if (this.#leader !== undefined && this.#host.isConnected(this.#leader)) {
      for (;;) {
        const requests = this.#requests.take(batchBytesMax, batchRequestsMax)
        if (requests.length === 0) return
        this.#sendForward(this.#leader, this.#requests.forward(requests, this.#leader, this.#now()))
      }
    }
  }

  #propose(entry: Entry, requests: readonly PendingRequest[]): void {
    this.#proposal++
    const now = this.#now()
    for (const effect of this.#engine.step(now, { kind: 'propose', proposal: this.#proposal, entry })) {
      if (effect.kind === 'proposed' && entry.kind === 'stopSign') {
        this.#change.onProposed()
      } else if (effect.kind === 'proposed') {
        for (const request of requests) request.proposedAt = now
        this.#requests.onProposed(effect.slot, entry, requests)
        this.#observer.proposed(requests.length, entry.payload.length)
      } else if (effect.kind === 'refused') {
        // Certainly not done: it waits for whoever leads next.
        for (const request of requests) this.#requests.add(request)
      } else {
        this.#perform(effect, this.#epochs.current)
      }
    }
  }

  #onLearn(slot: Slot, entry: Entry): void {
    // While a snapshot is fetched or put in place, the log keeps what is learned, and `#applyLog` comes back to it.
    if (this.#state.isInstalling || slot !== this.#state.appliedUpTo) return
    this.#epochs.check(slot, entry)
    const chosenAt = this.#now()
    const replies = this.#state.apply(slot, entry)
    this.#requests.onApplied(slot, entry, replies, chosenAt)
    if (entry.kind !== 'stopSign') return
    this.#isHeir = this.#role === 'leader' && this.#verifier.own === undefined
    this.#keeper.onStopSign({ slot, payload: entry.payload })
    // What the next epoch has chosen already waited for this.
    this.#applyLog()
  }

  #onInstalled(upTo: Slot): void {
    this.#observer.snapshotInstalled(upTo)
    this.#requests.onSkipped(upTo, this.#now())
    this.#keeper.onInstalled(upTo)
    this.#applyLog()
    this.#host.schedule()
  }

  #onBegun(epoch: Epoch, early: readonly EarlyMessage[]): void {
    this.#observer.epochBegan(epoch)
    this.#change.onBegun(epoch)
    const open = this.#epochs.current
    // Nobody is missed yet in the new epoch: whoever led can lead on at once.
    if (this.#isHeir && !this.#isRetired) this.#inbox.push({ open, event: { kind: 'campaign' } })
    if (this.#isRetired || this.#verifier.own !== undefined) this.#inbox.push({ open, event: { kind: 'retire' } })
    this.#isHeir = false
    for (const { from, message } of early) this.#inbox.push({ open, event: { kind: 'message', from, message } })
    this.#keeper.onTick(this.#now())
    this.#applyLog()
    this.#host.schedule()
  }

  #onDurable(): void {
    const { appliedUpTo: upTo, durableUpTo } = this.#state
    for (const open of this.#epochs.open) this.#inbox.push({ open, event: { kind: 'applied', upTo, durableUpTo } })
    this.#host.schedule()
  }

  /** Applies what the log holds beyond the machine: after a start, and after a snapshot. */
  #applyLog(): void {
    for (;;) {
      const { appliedUpTo, isInstalling } = this.#state
      const entries = isInstalling ? [] : this.#epochs.holding(appliedUpTo).engine.chosen(appliedUpTo, replayBytes)
      if (entries.length === 0) return
      for (const { slot, entry } of entries) this.#onLearn(slot, entry)
    }
  }

  /** Why a request that another node forwards cannot be taken. */
  #refusal(request: Uint8Array): Outcome | undefined {
    if (this.#role !== 'leader' || this.#isRetired) return notLeading
    return this.#requests.refusal(request, leaderOverloaded)
  }

  #enqueue(bytes: Uint8Array, deadline: number, finish: PendingRequest['finish'], isForeign = false): void {
    this.#requests.add(pendingRequest(bytes, this.#now(), deadline, finish, isForeign))
    this.#host.schedule()
  }

  #sendForward(leader: NodeId, requests: readonly { readonly id: number; readonly request: Uint8Array }[]): void {
    if (requests.length === 0) return
    assert(this.#leaderIncarnation !== undefined, 'node %s leads in no incarnation', leader)
    this.#send([leader], { kind: 'forward', incarnation: this.#leaderIncarnation, requests })
  }

  #send(to: readonly NodeId[], message: PeerMessage): void {
    if (to.length > 0) this.#host.send(this.epoch.number, to, message)
  }

  /** The clock is monotonic; this makes it so even if the port's is not. */
  #now(): number {
    this.#lastNow = Math.max(this.#lastNow, this.#clock.now())
    return this.#lastNow
  }
}
