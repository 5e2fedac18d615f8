/**
 * Ballot leader election by quorum connectivity (Omni-Paxos, Ng, Haridi and Carbone, EuroSys 2023; protocols 9).
 *
 * Each round every node asks all others. At the end of a round a node is *happy* if the leader itself answered and is
 * happy; a leader is happy if enough answered to go on leading. A leader not heard for the length of a round makes its
 * followers unhappy at once. A node claims leadership only if it is unhappy, all that
 * answered are unhappy, and they are enough to elect it. What is in the log plays no part: phase 1 repairs any leader.
 * That survives leaders cut off from a quorum, candidates with old logs, chains and one-way links.
 *
 * - a refused ballot is noted, never outbid at once: that alone would let two nodes outbid each other for ever (T24).
 * - a restarted node begins below every ballot, so it does not resume an old leadership.
 */
import type { Random } from '../../base/random.ts'
import { type Ballot, compareBallots, maxBallot, sameBallot, zeroBallot } from '../ballot.ts'
import type { Effect } from '../effect.ts'
import type { EpochNumber, Incarnation, NodeId, Slot } from '../ids.ts'
import type { QuorumSystem } from '../quorum.ts'
import type { Message } from './message.ts'

type SurveyReply = Extract<Message, { kind: 'surveyReply' }>

export interface Identity {
  readonly self: NodeId
  readonly epoch: EpochNumber
  readonly incarnation: Incarnation
}

export interface ElectionSetup extends Identity {
  /** All other members are asked, learners for how far they are. */
  readonly others: readonly NodeId[]
  /** Only they have a say in who leads. */
  readonly acceptors: ReadonlySet<NodeId>
  readonly quorums: QuorumSystem
  readonly random: Random
  readonly roundMs: number
  /** While nobody is believed in, rounds only have to be long enough for answers. */
  readonly urgentRoundMs: number
}

/** What the election must know of the rest of the engine when a round ends. */
export interface Standing {
  readonly phase: 'idle' | 'prepare' | 'propose'
  readonly promised: Ballot
  /** Who have chosen entries that this leader must fetch before it can serve. */
  readonly missingFrom: readonly NodeId[]
}

export interface Verdict {
  /** Begin phase 1 at this ballot. */
  readonly claim: Ballot | undefined
  /** Leading goes on no longer: too few answered. */
  readonly lostQuorum: boolean
}

export class Election {
  readonly #identity: Identity
  readonly #others: readonly NodeId[]
  readonly #acceptors: ReadonlySet<NodeId>
  readonly #quorums: QuorumSystem
  readonly #random: Random
  readonly #roundMs: number
  readonly #urgentRoundMs: number
  /** This node's latest claim. */
  #own: Ballot
  #leader: Ballot
  /** The highest ballot heard of at all; a claim goes above it. */
  #seen: Ballot
  #happy = false
  /** A newer leader was heard in this round: too new to have answered as one. */
  #isFresh = false
  #leaderHeardAt = 0
  #retired = false
  #round = 0
  #roundEnd: number | undefined
  #claims = 0
  readonly #replies = new Map<NodeId, SurveyReply>()
  #answered: ReadonlySet<NodeId> = new Set()
  readonly #progress = new Map<NodeId, { readonly chosenUpTo: Slot; readonly durableUpTo: Slot }>()

  constructor(setup: ElectionSetup) {
    this.#identity = setup
    this.#others = setup.others
    this.#acceptors = setup.acceptors
    this.#quorums = setup.quorums
    this.#random = setup.random
    this.#roundMs = setup.roundMs
    this.#urgentRoundMs = setup.urgentRoundMs
    this.#own = zeroBallot(setup.epoch)
    this.#leader = this.#own
    this.#seen = this.#own
  }

  /** Claims of this node since it started. */
  get claims(): number {
    return this.#claims
  }

  /** Whom this node follows; undefined while it believes in nobody. */
  get leader(): NodeId | undefined {
    return this.#happy && this.#leader.round > 0 ? this.#leader.node : undefined
  }

  /** The highest ballot of a leader that this node knows. */
  get ballot(): Ballot {
    return this.#leader
  }

  /** Answered in the last round, or already in this one: an epoch that has just begun has no last one. */
  isReachable(node: NodeId): boolean {
    return this.#answered.has(node) || this.#replies.has(node)
  }

  progress(node: NodeId): { readonly chosenUpTo: Slot; readonly durableUpTo: Slot } | undefined {
    return this.#progress.get(node)
  }

  /** A leader was heard at this ballot. A newer one is followed at once; whether it lasts the next round decides. */
  heard(now: number, ballot: Ballot): void {
    this.noteSeen(ballot)
    const order = compareBallots(ballot, this.#leader)
    if (order >= 0) this.#leaderHeardAt = now
    if (order <= 0) return
    this.#leader = ballot
    this.#happy = true
    this.#isFresh = true
  }

  noteSeen(ballot: Ballot): void {
    this.#seen = maxBallot(this.#seen, ballot)
  }

  /** The leader gave up, or this node stopped leading. The round ends early, so that a successor is found soon. */
  onVacant(ballot: Ballot): void {
    if (!sameBallot(ballot, this.#leader)) return
    this.#happy = false
    this.#isFresh = false
    // Answers of this round were given while the leader still led.
    this.#roundEnd = undefined
  }

  /** A claim that waits for no round. Undefined once retired. */
  campaign(promised: Ballot): Ballot | undefined {
    return this.#retired ? undefined : this.#claim(promised)
  }

  retire(): void {
    this.#retired = true
    this.#happy = false
  }

  onSurvey(round: number, chosenUpTo: Slot, durableUpTo: Slot): Message {
    const [ballot, leader, happy] = [this.#own, this.#leader, this.#happy]
    return { kind: 'surveyReply', round, ballot, leader, happy, chosenUpTo, durableUpTo }
  }

  onSurveyReply(now: number, from: NodeId, reply: SurveyReply): void {
    this.noteSeen(maxBallot(reply.ballot, reply.leader))
    if (sameBallot(reply.ballot, this.#leader)) this.#leaderHeardAt = now
    this.#progress.set(from, { chosenUpTo: reply.chosenUpTo, durableUpTo: reply.durableUpTo })
    if (reply.round === this.#round) this.#replies.set(from, reply)
  }

  /** Ends the round when it is over, and begins the next one. */
  onTick(now: number, standing: Standing): { verdict: Verdict; effects: Effect[] } {
    if (this.#roundEnd === undefined) return { verdict: nothing, effects: this.#begin(now) }
    const isSilent = standing.phase === 'idle' && now - this.#leaderHeardAt >= this.#roundMs
    if (this.#happy && isSilent) {
      // What the others answered before is out of date: ask again, with this news in the answers to them.
      this.#happy = false
      this.#isFresh = false
      return { verdict: nothing, effects: this.#begin(now) }
    }
    if (now < this.#roundEnd) return { verdict: nothing, effects: [] }
    const verdict = this.#judge(standing)
    return { verdict, effects: this.#begin(now) }
  }

  #begin(now: number): Effect[] {
    this.#round++
    this.#isFresh = false
    this.#replies.clear()
    // Different lengths keep two candidates from claiming in step for ever.
    const lengthMs = this.#happy ? this.#roundMs : this.#urgentRoundMs
    this.#roundEnd = now + lengthMs * (0.85 + 0.3 * this.#random.next())
    if (this.#others.length === 0) return []
    return [{ kind: 'send', to: this.#others, message: { kind: 'survey', round: this.#round } }]
  }

  #judge({ phase, promised, missingFrom }: Standing): Verdict {
    this.#answered = new Set(this.#replies.keys())
    for (const reply of this.#replies.values()) this.#leader = maxBallot(this.#leader, reply.ballot)
    const isMine = this.#own.round > 0 && sameBallot(this.#leader, this.#own)
    this.#happy = isMine ? this.#isLeaderHappy(phase) : this.#isFollowerHappy() || this.#followsLower(promised)
    const lostQuorum = phase !== 'idle' && !(isMine && this.#happy)
    // All that have what is missing are gone. Phase 1 finds it again among the votes of the others.
    const isGone = missingFrom.length > 0 && !missingFrom.some((node) => this.#answered.has(node))
    const isStranded = this.#happy && isMine && isGone
    if (isStranded) return { claim: this.#claim(promised), lostQuorum: false }
    if (this.#happy || this.#retired) return { claim: undefined, lostQuorum }
    const allUnhappy = [...this.#replies].every(([node, reply]) => !reply.happy || !this.#acceptors.has(node))
    const isConnected = this.#quorums.isPhase1(new Set([this.#identity.self, ...this.#answered]))
    if (!allUnhappy || !isConnected) return { claim: undefined, lostQuorum }
    return { claim: this.#claim(promised), lostQuorum: false }
  }

  #claim(promised: Ballot): Ballot {
    const { self: node, epoch, incarnation } = this.#identity
    this.noteSeen(promised)
    this.noteSeen(this.#leader)
    this.#own = { epoch, round: this.#seen.round + 1, node, incarnation, sub: 0 }
    this.#seen = this.#own
    this.#leader = this.#own
    this.#happy = true
    this.#claims++
    return this.#own
  }

  #isLeaderHappy(phase: Standing['phase']): boolean {
    if (phase === 'idle') return false
    const followers = new Set([this.#identity.self])
    for (const [node, reply] of this.#replies) if (compareBallots(reply.leader, this.#own) <= 0) followers.add(node)
    return phase === 'propose' ? this.#quorums.isPhase2(followers) : this.#quorums.isPhase1(followers)
  }

  #isFollowerHappy(): boolean {
    if (this.#leader.round === 0) return false
    if (this.#isFresh) return this.#happy
    for (const [node, reply] of this.#replies) {
      if (node === this.#leader.node && sameBallot(reply.ballot, this.#leader)) return reply.happy
    }
    return false
  }

  /**
   * A candidate that was never elected may have been noted above the one who leads. Then he is followed, if this node would
   * vote for him: nobody claims while he is happy, so without him this node would have no leader for ever.
   */
  #followsLower(promised: Ballot): boolean {
    let found: Ballot | undefined
    for (const { ballot, leader, happy } of this.#replies.values()) {
      const leads = happy && ballot.round > 0 && sameBallot(ballot, leader) && compareBallots(ballot, promised) >= 0
      if (leads) found = found === undefined ? ballot : maxBallot(found, ballot)
    }
    if (found !== undefined) this.#leader = found
    return found !== undefined
  }
}

const nothing: Verdict = { claim: undefined, lostQuorum: false }
