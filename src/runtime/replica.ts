import { assert, unreachable } from '../base/assert.ts'
import { encodeBarrier, encodeBatch, encodeRequest } from '../machine/command-codec.ts'
import type { Query } from '../machine/request.ts'
import type { Effect } from '../protocol/effect.ts'
import type { Engine } from '../protocol/engine.ts'
import type { Entry } from '../protocol/entry.ts'
import type { Epoch } from '../protocol/epoch.ts'
import type { Event } from '../protocol/event.ts'
import type { GroupId, Incarnation, NodeId, Slot } from '../protocol/ids.ts'
import type { SlotRange } from '../protocol/multipaxos/message.ts'
import { ClockWatch } from './clock-watch.ts'
import { DonorChoice } from './donor-choice.ts'
import { ForwardDesk } from './forward-desk.ts'
import { HistoryKeeper } from './history-keeper.ts'
import { Inspection, logLines, reportOf } from './inspection.ts'
import type { Observer } from './observer.ts'
import type { ReplicaOptions } from './options.ts'
import type { Outcome, PeerMessage, RuntimeMessage } from './peer-message.ts'
import type { Clock } from './ports.ts'
import { whyLate, whyNotReady } from './readiness.ts'
import { type PendingRead, type ReadBasis, ReadQueue } from './reads.ts'
import type { AcceptorReport, LogLine, ReadOutcome, ReplicaService, ReplicaStatus } from './replica-service.ts'
import type { ReplicaHost, ReplicaSetup } from './replica-setup.ts'
import { type PendingRequest, Requests } from './requests.ts'
import { SnapshotDonor } from './snapshot-donor.ts'
import { SnapshotReceiver } from './snapshot-receiver.ts'
import { ReplicaState } from './state.ts'

/** Requests that another node forwarded run out of time here as well, in case that node is gone. */
const forwardedTimeoutMs = 30_000
/** Numbers of forwarded requests that one life of a node may use; 2^21 lives are safe integers. */
const forwardsPerLife = 2 ** 32
/** How much of the log is applied at once when the node starts. */
const replayBytes = 4 * 1024 * 1024

/** One group on one node: its engine and machine, and everything that waits for them. */
export class Replica implements ReplicaService {
  readonly group: GroupId
  readonly epoch: Epoch
  readonly #self: NodeId
  readonly #host: ReplicaHost
  readonly #clock: Clock
  readonly #observer: Observer
  readonly #options: ReplicaOptions
  readonly #state: ReplicaState
  readonly #engine: Engine
  readonly #requests: Requests
  readonly #reads: ReadQueue
  readonly #donor: SnapshotDonor
  readonly #receiver: SnapshotReceiver
  readonly #donorChoice = new DonorChoice()
  readonly #inspection = new Inspection()
  readonly #clockWatch: ClockWatch
  readonly #forwardDesk: ForwardDesk
  readonly #historyKeeper: HistoryKeeper
  #inbox: Event[] = []
  #leader: NodeId | undefined
  #leaderIncarnation: Incarnation | undefined
  #role: 'leader' | 'candidate' | 'follower' | 'learner' = 'follower'
  #proposal = 0
  #isRetired = false
  #lastNow = 0

  constructor(setup: ReplicaSetup) {
    this.group = setup.group
    this.epoch = setup.epoch
    this.#self = setup.self
    this.#host = setup.host
    this.#clock = setup.clock
    this.#observer = setup.observer
    this.#options = setup.options
    this.#requests = new Requests(setup.options, setup.incarnation * forwardsPerLife)
    this.#forwardDesk = new ForwardDesk(setup.incarnation, {
      refusal: (bytes) => this.#refusal(bytes),
      enqueue: (request, answer) => this.#enqueue(request, this.#now() + forwardedTimeoutMs, answer, true),
      schedule: () => this.#host.schedule(),
    })
    this.#reads = new ReadQueue(setup.options.queueReadsMax)
    this.#historyKeeper = new HistoryKeeper(setup.options.historyRevisionsMax)
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
    this.#engine = setup.createEngine(this.#state.durableUpTo)
    this.#donor = new SnapshotDonor(
      (task) => this.#state.snapshot(task),
      setup.options.snapshotChunkBytes,
      (bytes) => this.#observer.snapshotSent(bytes),
    )
    this.#receiver = new SnapshotReceiver(
      {
        begin: () => this.#state.beginInstall(),
        send: (to, request) => this.#send([to], request),
        finish: (install, upTo, done) =>
          this.#state.finishInstall(install, upTo, (isInstalled) => {
            done()
            if (isInstalled) this.#onInstalled(upTo)
          }),
        fail: (error) => this.#host.fail(error),
        note: (message, fields) => this.#observer.note('info', message, fields),
      },
      setup.options.resendMs,
    )
    this.#applyLog()
  }

  submit(request: Uint8Array, timeoutMs: number, done: (outcome: Outcome) => void): void {
    if (this.#isRetired) {
      done({ kind: 'failed', code: 'STOPPING', message: 'The node is stopping.' })
      return
    }
    if (!this.#requests.hasRoom(request.length)) {
      done({ kind: 'failed', code: 'OVERLOADED', message: 'Too many requests are waiting on this node.' })
      return
    }
    const arrivedAt = this.#now()
    this.#enqueue(request, arrivedAt + timeoutMs, (outcome, timing) => {
      const proposedAt = timing.proposedAt || timing.chosenAt
      this.#observer.requestDone(
        {
          queueMs: proposedAt - arrivedAt,
          chooseMs: timing.chosenAt - proposedAt,
          flushMs: this.#role === 'leader' ? this.#host.lastCommitMs() : 0,
          applyMs: this.#clock.now() - timing.chosenAt,
        },
        outcome.kind,
      )
      done(outcome)
    })
  }

  read(
    query: Query,
    consistency: 'linearizable' | 'stale',
    timeoutMs: number,
    done: (outcome: ReadOutcome) => void,
  ): void {
    const startedAt = this.#now()
    if (consistency === 'stale') {
      if (this.#state.isInstalling) {
        done({ kind: 'failed', code: 'OVERLOADED', message: 'A snapshot is being put in place on this node.' })
        return
      }
      done({ kind: 'answered', answer: this.#state.query(query), appliedUpTo: this.#state.appliedUpTo })
      this.#observer.readDone(this.#clock.now() - startedAt, 'stale', true)
    } else if (this.#isRetired) {
      done({ kind: 'failed', code: 'STOPPING', message: 'The node is stopping.' })
    } else if (this.#reads.isFull) {
      done({ kind: 'failed', code: 'OVERLOADED', message: 'Too many reads are waiting on this node.' })
    } else {
      this.#reads.add({ query, startedAt, deadline: startedAt + timeoutMs, done })
      this.#host.schedule()
    }
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
      queuedRequests: this.#requests.queued,
      queuedReads: this.#reads.size,
      notReady: whyNotReady({
        self: this.#self,
        leader: this.#leader,
        engine,
        isRetired: this.#isRetired,
        isInstalling: this.#receiver.isActive || this.#state.isInstalling,
        isMissingData: this.#isMissingData(),
        lagSlotsMax: this.#options.readyLagSlotsMax,
      }),
    }
  }

  log(range: SlotRange): readonly LogLine[] {
    return logLines(this.#engine, range)
  }

  inspect(range: SlotRange, timeoutMs: number, done: (reports: readonly AcceptorReport[]) => void): void {
    const own = reportOf(this.#self, this.#engine, range)
    const id = this.#inspection.ask(own, this.epoch.members.length, this.#now() + timeoutMs, done)
    const others = this.epoch.members.map((member) => member.id).filter((id) => id !== this.#self)
    this.#send(others, { kind: 'inspect', id, range })
  }

  onMessage(from: NodeId, message: PeerMessage): void {
    switch (message.kind) {
      case 'forward':
        this.#forwardDesk.onForward(from, message)
        return
      case 'forwarded':
        for (const { id, outcome } of message.outcomes) this.#requests.onForwarded(from, id, outcome, this.#now())
        return
      case 'inspect':
        this.#onInspect(from, message)
        return
      case 'inspectReply':
        this.#inspection.onReply(from, message)
        return
      case 'snapshotRequest':
        this.#donor.onRequest(this.#now(), from, message, (chunk) => this.#send([from], chunk))
        return
      case 'snapshotChunk':
        this.#receiver.onChunk(this.#now(), from, message)
        return
      default:
        this.#inbox.push({ kind: 'message', from, message })
    }
  }

  onTick(): void {
    const now = this.#now()
    this.#inbox.push({ kind: 'tick' })
    this.#requests.onTick(now, ...whyLate(this.#leader))
    this.#reads.onTick(now, (read) => this.#expireRead(read, now))
    this.#inspection.onTick(now)
    this.#receiver.onTick(now)
    this.#donor.onTick(now)
    if (this.#leader !== undefined && this.#leader !== this.#self) {
      const resends = this.#requests.takeResends(this.#leader, now, this.#options.resendMs)
      this.#sendForward(this.#leader, resends)
    }
    this.#compactHistory()
    const isFetching = this.#receiver.isActive || this.#state.isInstalling
    if (isFetching || !this.#isMissingData()) return
    const donor = this.#donorChoice.next(this.#engine.status().peers, this.#engine.truncatedUpTo())
    if (donor !== undefined) this.#receiver.start(now, donor)
  }

  /** One turn: everything that arrived, then what it allows, then the flush that lets it leave. */
  runTurn(): void {
    do {
      const inbox = this.#inbox
      this.#inbox = []
      for (const event of inbox) this.#step(event)
      this.#pump()
      this.#watchClock()
      this.#step({ kind: 'flush' })
    } while (this.#inbox.length > 0)
    this.#reads.serve(this.#state.appliedUpTo, (reads, by) => this.#serveReads(reads, by))
    this.#sendOutcomes()
    this.#state.flush()
  }

  /** Whether a read would be served now on the strength of a lease. */
  holdsLease(): boolean {
    return this.#engine.leaseHolds(this.#now()) && !this.#clockWatch.disagrees()
  }

  /** Gives up leadership, ends what is open, and makes the machine's data durable. */
  retire(done: () => void): void {
    this.#isRetired = true
    this.#inbox.push({ kind: 'retire' })
    this.runTurn()
    this.#requests.close(this.#now())
    for (const read of this.#reads.drain()) {
      read.done({ kind: 'failed', code: 'STOPPING', message: 'The node is stopping.' })
    }
    this.#sendOutcomes()
    this.#receiver.abort()
    this.#donor.close()
    this.#state.whenDurable(done)
  }

  /** Before each flush, where leases are made use of: a machine that slept must know it by then. */
  #watchClock(): void {
    if (this.epoch.leaseMs === 0 || !this.#clockWatch.hasJumped()) return
    this.#observer.note('warn', 'the clock jumped; the lease is void', {})
    this.#step({ kind: 'clockJumped' })
  }

  #step(event: Event): void {
    for (const effect of this.#engine.step(this.#now(), event)) this.#perform(effect)
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'send':
        this.#send(effect.to, effect.message)
        return
      case 'persist':
        this.#host.persist(this.epoch.number, effect.writes, effect.release)
        return
      case 'learn':
        this.#onLearn(effect.slot, effect.entry)
        return
      case 'proposed':
      case 'refused':
        // Only `#propose` proposes, and it takes these answers itself.
        assert(false, `${effect.kind} outside a proposal`)
        return
      case 'elected':
        this.#requests.takeBack(this.#now())
        this.#propose({ kind: 'barrier', payload: encodeBarrier(this.#clock.wallNow()) }, [])
        return
      case 'readable':
        this.#reads.onReadable(effect.read, effect.upTo, effect.by)
        return
      case 'unreadable':
        this.#reads.onUnreadable(effect.read)
        return
      case 'role':
        this.#role = effect.role
        this.#leader = effect.leader
        this.#leaderIncarnation = effect.leaderIncarnation
        this.#observer.roleChanged(effect.role, effect.leader, effect.ballot.round, effect.ballot.node)
        return
      case 'behind':
        if (!this.#state.isInstalling) this.#receiver.start(this.#now(), effect.from)
        return
      default:
        unreachable(effect)
    }
  }

  /** Hands queued requests to the engine or to the leader, and asks for the reads of this turn. */
  #pump(): void {
    const read = this.#reads.ask()
    if (read !== undefined) this.#step({ kind: 'read', read })
    if (this.#isRetired) return
    const { batchBytesMax, batchRequestsMax } = this.#options
    if (this.#role === 'leader') {
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
      if (effect.kind === 'proposed') {
        for (const request of requests) request.proposedAt = now
        this.#requests.onProposed(effect.slot, entry, requests)
        this.#observer.proposed(requests.length, entry.payload.length)
      } else if (effect.kind === 'refused') {
        // Certainly not done: it waits for whoever leads next.
        for (const request of requests) this.#requests.add(request)
      } else {
        this.#perform(effect)
      }
    }
  }

  #onLearn(slot: Slot, entry: Entry): void {
    // While a snapshot is fetched or put in place, the log keeps what is learned, and `#applyLog` comes back to it.
    if (this.#state.isInstalling || slot !== this.#state.appliedUpTo) return
    const chosenAt = this.#now()
    const replies = this.#state.apply(slot, entry)
    this.#requests.onApplied(slot, entry, replies, chosenAt)
  }

  #onInstalled(upTo: Slot): void {
    this.#observer.snapshotInstalled(upTo)
    this.#requests.onSkipped(upTo, this.#now())
    this.#step({ kind: 'restored', upTo })
    this.#applyLog()
    this.#host.schedule()
  }

  #onDurable(): void {
    const { appliedUpTo: upTo, durableUpTo } = this.#state
    this.#inbox.push({ kind: 'applied', upTo, durableUpTo })
    this.#host.schedule()
  }

  /** Applies what the log holds beyond the machine: after a start, and after a snapshot. */
  #applyLog(): void {
    for (;;) {
      const entries = this.#engine.chosen(this.#state.appliedUpTo, replayBytes)
      if (entries.length === 0) return
      for (const { slot, entry } of entries) this.#onLearn(slot, entry)
    }
  }

  /** The log begins above what the machine has applied, as when its data was lost: only a snapshot helps. */
  #isMissingData(): boolean {
    return this.#engine.truncatedUpTo() > this.#state.appliedUpTo
  }

  #serveReads(reads: readonly PendingRead[], by: ReadBasis): boolean {
    if (this.#state.isInstalling) return false
    const answers = reads.map((read) => this.#state.query(read.query))
    // The lease must hold *after* the answers were taken from the data: the node may have slept in between (T13).
    if (by === 'lease' && !this.holdsLease()) return false
    const { appliedUpTo } = this.#state
    const now = this.#clock.now()
    reads.forEach((read, index) => {
      const answer = answers[index]
      assert(answer !== undefined, 'a read without its answer')
      this.#observer.readDone(now - read.startedAt, by, true)
      read.done({ kind: 'answered', answer, appliedUpTo })
    })
    return true
  }

  #expireRead(read: PendingRead, now: number): void {
    const [code, message] = whyLate(this.#leader)
    this.#observer.readDone(now - read.startedAt, 'readIndex', false)
    read.done({ kind: 'failed', code: code === 'NO_LEADER' ? 'NO_LEADER' : 'NO_QUORUM', message })
  }

  /** Why a request that another node forwards cannot be taken. */
  #refusal(bytes: number): Outcome | undefined {
    if (this.#role !== 'leader' || this.#isRetired) {
      return { kind: 'failed', code: 'NO_LEADER', message: 'The node that was asked does not lead.' }
    }
    if (this.#requests.hasRoom(bytes)) return undefined
    return { kind: 'failed', code: 'OVERLOADED', message: 'Too many requests are waiting on the leader.' }
  }

  #enqueue(bytes: Uint8Array, deadline: number, finish: PendingRequest['finish'], isForeign = false): void {
    const fresh = { proposedAt: 0, isFinished: false, mayBeDone: false }
    this.#requests.add({ bytes, arrivedAt: this.#now(), deadline, finish, isForeign, ...fresh })
    this.#host.schedule()
  }

  #sendForward(leader: NodeId, requests: readonly { readonly id: number; readonly request: Uint8Array }[]): void {
    const incarnation = this.#leaderIncarnation
    if (requests.length === 0) return
    assert(incarnation !== undefined, `node ${leader} leads in no life`)
    this.#send([leader], { kind: 'forward', incarnation, requests })
  }

  #sendOutcomes(): void {
    this.#forwardDesk.takeOutcomes((to, message) => this.#send([to], message))
  }

  #onInspect(from: NodeId, { id, range }: Extract<RuntimeMessage, { kind: 'inspect' }>): void {
    const { truncatedUpTo, chosenUpTo, votedUpTo, promised, slots } = reportOf(this.#self, this.#engine, range)
    const [promisedRound, promisedNode] = [promised.round, promised.node]
    this.#send([from], {
      kind: 'inspectReply',
      id,
      truncatedUpTo,
      chosenUpTo,
      votedUpTo,
      promisedRound,
      promisedNode,
      slots,
    })
  }

  #compactHistory(): void {
    if (this.#role !== 'leader' || this.#isRetired) return
    const { revision, compactedRevision } = this.#state.machine
    this.#historyKeeper.onTick(revision, compactedRevision, (upTo, done) => {
      const request = encodeRequest({ session: undefined, command: { kind: 'compact', revision: upTo } })
      this.#enqueue(request, this.#now() + forwardedTimeoutMs, done)
    })
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
