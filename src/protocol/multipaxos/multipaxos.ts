/**
 * Multi-Paxos as an engine: the roles wired together for one epoch of one group.
 *
 * Messages go to the role they are meant for; what a turn produced leaves at its `flush`: one accept for all that was
 * proposed, one commit and one answer for all that was voted. Roles never call each other but through this file.
 */
import { assert, unreachable } from '../../base/assert.ts'
import type { Random } from '../../base/random.ts'
import { type Ballot, compareBallots, maxBallot, sameBallot, zeroBallot } from '../ballot.ts'
import type { Effect, Role } from '../effect.ts'
import type { Engine, EngineStatus } from '../engine.ts'
import { acceptorIds, type Epoch, quorumsOf } from '../epoch.ts'
import type { Event } from '../event.ts'
import type { Incarnation, NodeId, Slot } from '../ids.ts'
import type { SlotLog } from '../slot-log.ts'
import { Acceptor } from './acceptor.ts'
import { type AcceptorState, loadLog } from './acceptor-state.ts'
import { Election } from './election.ts'
import { Grant } from './grant.ts'
import { Heartbeats } from './heartbeats.ts'
import { Leader } from './leader.ts'
import { Learner } from './learner.ts'
import type { Message, SlotEntry, SlotRange, Vote } from './message.ts'
import type { MultiPaxosOptions } from './options.ts'
import { Reads } from './reads.ts'
import { truncationPoint } from './truncation.ts'

export interface MultiPaxosSetup {
  readonly self: NodeId
  readonly incarnation: Incarnation
  readonly epoch: Epoch
  readonly state: AcceptorState
  /** Everything below is applied and durable in the machine. */
  readonly appliedUpTo: Slot
  readonly random: Random
  readonly options: MultiPaxosOptions
  readonly now: number
  /** No earlier incarnation of this node took part in this epoch, so it can have granted no lease. */
  readonly isNew: boolean
}

/** A ballot this far above everything known is not an honest proposer's. */
const roundJumpMax = 2 ** 32

export class MultiPaxos implements Engine {
  readonly #self: NodeId
  readonly #epoch: Epoch
  readonly #options: MultiPaxosOptions
  readonly #acceptors: ReadonlySet<NodeId>
  readonly #otherMembers: readonly NodeId[]
  readonly #log: SlotLog
  readonly #grant: Grant
  readonly #acceptor: Acceptor
  readonly #learner: Learner
  readonly #leader: Leader
  readonly #election: Election
  readonly #heartbeats: Heartbeats
  readonly #reads: Reads
  #now: number
  #durableUpTo: Slot
  #heartbeatAt = Number.NEGATIVE_INFINITY
  #notedChosenUpTo: Slot
  #isChosenDue = false
  #isRetired = false
  #reported: { role: Role; leader: NodeId | undefined; ballot: Ballot } | undefined

  constructor({ self, incarnation, epoch, state, appliedUpTo, random, options, now, isNew }: MultiPaxosSetup) {
    this.#self = self
    this.#epoch = epoch
    this.#options = options
    this.#now = now
    this.#acceptors = acceptorIds(epoch)
    this.#otherMembers = epoch.members.map((member) => member.id).filter((id) => id !== self)
    const others = this.#otherMembers.filter((id) => this.#acceptors.has(id))
    const quorums = quorumsOf(epoch)
    this.#log = loadLog(state, epoch.startSlot)
    this.#grant = new Grant(epoch.leaseMs, isNew ? now : now + epoch.leaseMs)
    const promised = state.promised ?? zeroBallot(epoch.number)
    this.#acceptor = new Acceptor(promised, this.#log, this.#grant, {
      promiseBytesMax: options.messageBytesMax,
      openSlotsMax: options.openSlotsMax,
      openBytesMax: options.openBytesMax,
    })
    this.#learner = new Learner(this.#log, this.#acceptor, options)
    this.#leader = new Leader(self, others, quorums, this.#log, this.#learner, options)
    this.#election = new Election({
      ...{ self, epoch: epoch.number, incarnation, others: this.#otherMembers, acceptors: this.#acceptors },
      ...{ quorums, random, roundMs: options.electionTimeoutMs, urgentRoundMs: 2 * options.heartbeatMs },
    })
    this.#election.noteSeen(promised)
    this.#heartbeats = new Heartbeats(self, quorums, epoch.leaseMs, options.clockDriftMax)
    this.#reads = new Reads(incarnation)
    this.#durableUpTo = appliedUpTo
    this.#notedChosenUpTo = this.#log.chosenUpTo
    // The machine may be ahead of the watermark on disk, which is written lazily.
    if (appliedUpTo > this.#log.chosenUpTo) this.#skipTo(appliedUpTo)
    if (!this.#acceptors.has(self)) this.#election.retire()
  }

  step(now: number, event: Event): readonly Effect[] {
    assert(now >= this.#now, 'time went back from %s to %s', this.#now, now)
    this.#now = now
    const effects = this.#dispatch(event)
    const leading = this.#leader.ballot
    if (leading !== undefined && compareBallots(this.#acceptor.promised, leading) > 0) effects.push(...this.#stepDown())
    effects.push(...this.#reportRole())
    return effects
  }

  status(): EngineStatus {
    const { role, leader, ballot } = this.#role()
    return {
      role,
      steady: this.#leader.isSteady,
      leader,
      ballot,
      promised: this.#acceptor.promised,
      chosenUpTo: this.#log.chosenUpTo,
      truncatedUpTo: this.#log.truncatedUpTo,
      votedUpTo: this.#log.votedUpTo,
      openSlots: this.#leader.openSlots,
      logBytes: this.#log.bytes,
      elections: this.#election.claims,
      stop: this.#log.stop,
      peers: this.#otherMembers.map((id) => {
        const progress = this.#election.progress(id)
        const zero = 0 as Slot
        return {
          id,
          reachable: this.#election.isReachable(id),
          chosenUpTo: progress?.chosenUpTo ?? zero,
          durableUpTo: progress?.durableUpTo ?? zero,
        }
      }),
    }
  }

  truncatedUpTo(): Slot {
    return this.#log.truncatedUpTo
  }

  room(): number {
    return this.#leader.room
  }

  leaseHolds(now: number): boolean {
    return this.#leader.isSteady && this.#heartbeats.leaseHolds(now)
  }

  votes(range: SlotRange): readonly Vote[] {
    return this.#log.votes(range)
  }

  unknownSlots(range: SlotRange): readonly Slot[] {
    return this.#log.unknown(range)
  }

  chosen(from: Slot, bytesMax: number): readonly SlotEntry[] {
    return this.#log.chosenEntries(from, this.#log.chosenUpTo, bytesMax)
  }

  #dispatch(event: Event): Effect[] {
    switch (event.kind) {
      case 'message':
        return this.#isAcceptable(event.from, event.message) ? this.#onMessage(event.from, event.message) : []
      case 'tick':
        return this.#onTick()
      case 'flush':
        return this.#onFlush()
      case 'propose':
        return this.#leader.propose(this.#now, event.proposal, event.entry)
      case 'read':
        this.#reads.add({ kind: 'local', read: event.read })
        return []
      case 'applied':
        this.#durableUpTo = event.durableUpTo
        return []
      case 'restored':
        this.#skipTo(event.upTo)
        this.#durableUpTo = event.upTo
        return this.#leader.onSkipped(event.upTo) ? [] : this.#stepDown()
      case 'clockJumped':
        this.#heartbeats.voidLease()
        return []
      case 'campaign':
        return this.#onCampaign()
      case 'yield':
        return this.#giveUp()
      case 'retire':
        return this.#onRetire()
      default:
        return unreachable(event)
    }
  }

  /** Messages come from members of this epoch, under its ballots; anything else is dropped. */
  #isAcceptable(from: NodeId, message: Message): boolean {
    if (from !== this.#self && !this.#otherMembers.includes(from)) return false
    if (!('ballot' in message)) return true
    const { ballot } = message
    if (ballot.epoch !== this.#epoch.number) return false
    return ballot.round - this.#acceptor.promised.round < roundJumpMax
  }

  #onMessage(from: NodeId, message: Message): Effect[] {
    const now = this.#now
    switch (message.kind) {
      case 'prepare':
        return this.#onPrepare(from, message)
      case 'accept':
        return this.#onAccept(from, message)
      case 'heartbeat':
        return this.#onHeartbeat(from, message)
      case 'decide':
        if (compareBallots(message.ballot, this.#acceptor.promised) >= 0)
          this.#election.heard(this.#now, message.ballot)
        this.#learner.onDecided(from, message.ballot, message.decided)
        return []
      case 'promise':
        return this.#leader.onPromise(now, from, message)
      case 'accepted':
        this.#leader.onAccepted(from, message.ballot, message.ranges)
        return []
      case 'nack':
        return this.#onNack(message)
      case 'heartbeatAck':
        if (!this.#isMine(message.ballot)) return []
        this.#heartbeats.onAck(from, message.seq)
        return this.#reads.onConfirmed(this.#heartbeats.confirmed)
      case 'catchup':
        return this.#learner.onCatchup(from, message.range)
      case 'catchupReply':
        return this.#learned(this.#learner.onCatchupReply(now, from, message))
      case 'survey': {
        const reply = this.#election.onSurvey(message.round, this.#log.chosenUpTo, this.#durableUpTo)
        return [{ kind: 'send', to: [from], message: reply }]
      }
      case 'surveyReply':
        this.#election.onSurveyReply(now, from, message)
        this.#learner.onPeerChosen(from, message.chosenUpTo)
        return []
      case 'release':
        this.#grant.release(message.ballot)
        this.#election.onVacant(message.ballot)
        return []
      case 'readIndex':
        this.#reads.add({ kind: 'remote', from, id: message.id })
        return []
      case 'readIndexReply':
        return this.#reads.onReadIndexReply(from, message.id, message.upTo)
      default:
        return unreachable(message)
    }
  }

  #onPrepare(from: NodeId, message: Extract<Message, { kind: 'prepare' }>): Effect[] {
    if (!this.#acceptors.has(this.#self)) return []
    // A promise leaves out what is chosen, and its ballot's leader takes it from here: a restart must not forget that it is.
    this.#isChosenDue = true
    this.#noteChosen()
    const effects = this.#acceptor.onPrepare(this.#now, from, message)
    if (sameBallot(this.#acceptor.promised, message.ballot)) this.#election.heard(this.#now, message.ballot)
    return effects
  }

  #onAccept(from: NodeId, message: Extract<Message, { kind: 'accept' }>): Effect[] {
    if (!this.#acceptors.has(this.#self)) return []
    const effects = this.#acceptor.onAccept(this.#now, from, message)
    if (sameBallot(this.#acceptor.promised, message.ballot)) this.#election.heard(this.#now, message.ballot)
    // True whatever was promised since: chosen stays chosen.
    if (from !== this.#self) this.#learner.onDecided(from, message.ballot, message.decided)
    return effects
  }

  #onHeartbeat(from: NodeId, { ballot, seq, decided }: Extract<Message, { kind: 'heartbeat' }>): Effect[] {
    const { promised } = this.#acceptor
    this.#learner.onDecided(from, ballot, decided)
    if (compareBallots(ballot, promised) < 0) {
      return [{ kind: 'send', to: [from], message: { kind: 'nack', ballot, promised, leaseMs: 0 } }]
    }
    this.#election.heard(this.#now, ballot)
    if (!this.#grant.extend(this.#now, ballot)) return []
    const { chosenUpTo } = this.#log
    return [{ kind: 'send', to: [from], message: { kind: 'heartbeatAck', ballot, seq, chosenUpTo } }]
  }

  /** A refusal is noted. Outbidding is the election's business, when it finds that nobody leads (protocols 9). */
  #onNack({ ballot, promised }: Extract<Message, { kind: 'nack' }>): Effect[] {
    if (promised.epoch !== this.#epoch.number) return []
    this.#election.noteSeen(promised)
    const leading = this.#leader.ballot
    if (leading === undefined || !sameBallot(ballot, leading)) return []
    return compareBallots(promised, leading) > 0 ? this.#stepDown() : []
  }

  #onTick(): Effect[] {
    const now = this.#now
    // The epoch is over, and everything in it is here: others are answered, and nothing is asked any more.
    if (this.#log.stop !== undefined && this.#isRetired) return this.#reads.onTick(now, this.#options.electionTimeoutMs)
    const missingFrom = this.#leader.isStranded ? this.#learner.sources() : []
    const standing = { phase: this.#leader.phase, promised: this.#acceptor.promised, missingFrom }
    const { verdict, effects } = this.#election.onTick(now, standing)
    if (verdict.lostQuorum) effects.push(...this.#giveUp())
    if (verdict.claim !== undefined) effects.push(...this.#claim(verdict.claim))
    effects.push(...this.#leader.onTick(now))
    effects.push(...this.#learner.onTick(now))
    effects.push(...this.#reads.onTick(now, this.#options.electionTimeoutMs))
    if (this.#leader.phase === 'propose' && now - this.#heartbeatAt >= this.#options.heartbeatMs) {
      effects.push(...this.#heartbeat())
    }
    this.#truncate()
    this.#isChosenDue = true
    return effects
  }

  #onFlush(): Effect[] {
    const now = this.#now
    const { own, effects } = this.#leader.takeAccepts()
    for (const accept of own) effects.push(...this.#acceptor.onAccept(now, this.#self, accept))
    effects.push(...this.#learned(this.#learner.advance()))
    effects.push(...this.#flushReads())
    const decided = this.#leader.takeDecided()
    const ballot = this.#leader.ballot
    if (decided !== undefined && ballot !== undefined && this.#otherMembers.length > 0) {
      effects.push({ kind: 'send', to: this.#otherMembers, message: { kind: 'decide', ballot, decided } })
    }
    // Whoever leads has told of the stop sign by now.
    if (this.#log.stop !== undefined && !this.#isRetired) effects.push(...this.#onRetire())
    // No later tick would: without it a restart needs a quorum of this epoch again, which may be gone by then.
    if (this.#log.stop !== undefined) this.#isChosenDue = true
    this.#noteChosen()
    effects.push(...this.#acceptor.flush())
    return effects
  }

  #flushReads(): Effect[] {
    if (this.#leader.phase !== 'propose') {
      const leader = this.#election.leader
      return this.#reads.forward(this.#now, leader === this.#self ? undefined : leader)
    }
    if (!this.#reads.wantsHeartbeat || !this.#leader.isSteady) return []
    if (this.leaseHolds(this.#now)) return this.#reads.serveByLease(this.#log.chosenUpTo)
    return this.#heartbeat()
  }

  #heartbeat(): Effect[] {
    const ballot = this.#leader.ballot
    assert(ballot !== undefined, 'a heartbeat without leading')
    const seq = this.#heartbeats.send(this.#now)
    this.#heartbeatAt = this.#now
    this.#grant.extend(this.#now, ballot)
    const effects: Effect[] = []
    if (this.#otherMembers.length > 0) {
      const message: Message = { kind: 'heartbeat', ballot, seq, decided: this.#leader.decided }
      effects.push({ kind: 'send', to: this.#otherMembers, message })
    }
    // Before the barrier is chosen, a read could miss what the last leader answered (T14).
    if (this.#leader.isSteady) this.#reads.onHeartbeatSent(seq, this.#log.chosenUpTo)
    effects.push(...this.#reads.onConfirmed(this.#heartbeats.confirmed))
    return effects
  }

  #claim(ballot: Ballot): Effect[] {
    if (this.#log.stop !== undefined) return []
    const effects = this.#stepDown()
    this.#heartbeats.reset()
    this.#heartbeatAt = Number.NEGATIVE_INFINITY
    const prepare = this.#leader.start(this.#now, ballot)
    const to = this.#otherMembers.filter((id) => this.#acceptors.has(id))
    if (to.length > 0) effects.push({ kind: 'send', to, message: prepare })
    effects.push(...this.#onMessage(this.#self, prepare))
    return effects
  }

  #stepDown(): Effect[] {
    const { ballot } = this.#leader
    if (ballot === undefined) return []
    this.#leader.stop()
    this.#heartbeats.voidLease()
    this.#grant.release(ballot)
    return this.#reads.abandon()
  }

  #onCampaign(): Effect[] {
    if (this.#leader.phase === 'propose') return []
    const ballot = this.#election.campaign(this.#acceptor.promised)
    return ballot === undefined ? [] : this.#claim(ballot)
  }

  #onRetire(): Effect[] {
    this.#isRetired = true
    this.#election.retire()
    return this.#giveUp()
  }

  /** Stops leading and says so: whoever hears it need not find out by silence. */
  #giveUp(): Effect[] {
    const { ballot } = this.#leader
    // The lease ends here before anybody is told that it may promise to others.
    const effects = this.#stepDown()
    if (ballot !== undefined && this.#otherMembers.length > 0) {
      effects.push({ kind: 'send', to: this.#otherMembers, message: { kind: 'release', ballot } })
    }
    return effects
  }

  #learned(effects: Effect[]): Effect[] {
    const isOutbid = effects.some(
      (effect) => effect.kind === 'learn' && !this.#leader.onLearned(effect.slot, effect.entry),
    )
    return isOutbid ? [...effects, ...this.#stepDown()] : effects
  }

  #isMine(ballot: Ballot): boolean {
    const leading = this.#leader.ballot
    return this.#leader.phase === 'propose' && leading !== undefined && sameBallot(leading, ballot)
  }

  #truncate(): void {
    // The stop sign stays: see the invariant of SlotLog.
    const end = this.#log.stop?.slot ?? this.#log.chosenUpTo
    const upTo = truncationPoint({
      truncatedUpTo: this.#log.truncatedUpTo,
      durableUpTo: Math.min(this.#durableUpTo, end) as Slot,
      members: this.#otherMembers.map((id) => this.#election.progress(id)?.durableUpTo),
      logBytes: this.#log.bytes,
      slotsKeptMax: this.#options.logSlotsKeptMax,
      bytesKeptMax: this.#options.logBytesKeptMax,
    })
    if (upTo <= this.#log.truncatedUpTo) return
    this.#log.truncate(upTo)
    // The chosen watermark must not fall behind the truncated one on disk.
    this.#isChosenDue = true
    this.#acceptor.note({ kind: 'truncate', upTo })
  }

  #skipTo(upTo: Slot): void {
    if (upTo <= this.#log.truncatedUpTo) return
    this.#log.skipTo(upTo)
    this.#isChosenDue = true
    this.#acceptor.note({ kind: 'truncate', upTo, bySnapshot: true })
  }

  /**
   * Once a tick is enough where nobody relies on it: losing the watermark loses no entry. With every vote it would cost each
   * commit one page more of three, in a part of the tree where no vote is.
   */
  #noteChosen(): void {
    const { chosenUpTo } = this.#log
    if (!this.#isChosenDue || chosenUpTo === this.#notedChosenUpTo) return
    this.#isChosenDue = false
    this.#notedChosenUpTo = chosenUpTo
    this.#acceptor.note({ kind: 'chosen', upTo: chosenUpTo })
  }

  #role(): { role: Role; leader: NodeId | undefined; ballot: Ballot } {
    const own = this.#leader.ballot
    if (this.#leader.phase === 'propose' && own !== undefined)
      return { role: 'leader', leader: this.#self, ballot: own }
    const { promised } = this.#acceptor
    const followed = this.#election.leader
    const leader = followed === this.#self ? undefined : followed
    const ballot = maxBallot(promised, this.#election.ballot)
    if (!this.#acceptors.has(this.#self)) return { role: 'learner', leader, ballot }
    return { role: own === undefined ? 'follower' : 'candidate', leader, ballot }
  }

  #reportRole(): Effect[] {
    const current = this.#role()
    const last = this.#reported
    if (last?.role === current.role && last.leader === current.leader && sameBallot(last.ballot, current.ballot))
      return []
    this.#reported = current
    const own = current.role === 'leader' ? current.ballot : this.#election.ballot
    const leaderIncarnation = current.leader === undefined ? undefined : own.incarnation
    return [{ kind: 'role', ...current, leaderIncarnation }]
  }
}
