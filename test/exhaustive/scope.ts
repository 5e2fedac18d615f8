/**
 * The scopes of the exhaustive search. What is real in them: whole engines as they are, with acceptor, phase 1, leader and
 * learner, a disk that forgets what was not committed, and the choice of ballots by the election.
 *
 * Free: who claims leadership when, who proposes when, which message arrives when, how often, or never; and, where a node
 * may crash, when its disk stops taking writes and when it starts again with what it had.
 *
 * Not in them: time stands still, so nothing is sent again by a timer (a message may arrive twice all the same), and there
 * are no heartbeats, leases, reads, truncation and snapshots. Every message is a turn of its own: what the driver would
 * coalesce in one turn is not. A commit ends with its turn, except on a node that is about to crash; a later end is a
 * later arrival of what waited for it.
 */

/** What is searched: everything that can happen within these bounds. */
export interface Scope {
  /** For people: what it is about. */
  readonly title: string
  readonly acceptors: number
  readonly q1: number
  readonly q2: number
  /** The first nodes; the others only vote and learn, and are interchangeable. */
  readonly proposers: number
  /** Ballots at most, of all proposers and of one. */
  readonly claimsMax: number
  readonly claimsOfOneMax: number
  readonly slots: number
  /** A leader may propose a stop sign, also while slots are open, which the runtime does not do. */
  readonly stops?: boolean
  /** Nodes of which one may crash, once, losing what is not durable. */
  readonly mayCrash: readonly number[]
  /** Kinds of messages that arrive; others are always lost. */
  readonly arrives: readonly Kind[]
  /** A follower that misses chosen entries may ask for them. */
  readonly asks: boolean
  /** Keeps every message for ever, to see that forgetting loses nothing. */
  readonly keepsAll?: boolean
  /** Actions from the start at most; undefined searches everything. */
  readonly depthMax?: number | undefined
}

export type Kind = 'prepare' | 'promise' | 'accept' | 'accepted' | 'decide' | 'nack' | 'catchup' | 'catchupReply'

const voting: readonly Kind[] = ['prepare', 'promise', 'accept', 'accepted']

const classic: Scope = {
  title: '3 acceptors, 2 proposers, 3 ballots, 2 slots',
  acceptors: 3,
  q1: 2,
  q2: 2,
  proposers: 2,
  claimsMax: 3,
  claimsOfOneMax: 2,
  slots: 2,
  mayCrash: [],
  arrives: voting,
  asks: false,
}

const flexible: Scope = {
  ...classic,
  title: 'Flexible Paxos with q1=3 and q2=2: 4 acceptors, 2 proposers, 2 ballots, 2 slots',
  acceptors: 4,
  q1: 3,
  q2: 2,
  claimsMax: 2,
  claimsOfOneMax: 1,
}

const holes: Scope = {
  ...classic,
  title: 'a new leader finds holes: 3 acceptors, 2 proposers, 2 ballots, 3 slots, 16 moves',
  claimsMax: 2,
  claimsOfOneMax: 1,
  slots: 3,
  depthMax: 16,
}

const crash: Scope = {
  ...classic,
  title: 'any node crashes once: 3 acceptors, 2 proposers, 2 ballots, 1 slot',
  claimsMax: 2,
  slots: 1,
  mayCrash: [1, 2, 3],
}

/** Followers learn as well, and leaders hear that they were refused. */
const notices: Scope = {
  ...classic,
  title: 'notices, refusals and catching up: 3 acceptors, 2 proposers, 2 ballots, 1 slot',
  claimsMax: 2,
  slots: 1,
  arrives: [...voting, 'decide', 'nack', 'catchup', 'catchupReply'],
  asks: true,
}

const stopSigns: Scope = {
  ...classic,
  title: 'stop signs: 3 acceptors, 2 proposers, 2 ballots, 3 slots, 16 moves',
  claimsMax: 2,
  claimsOfOneMax: 1,
  slots: 3,
  stops: true,
  depthMax: 16,
}

const flexibleOfThree: Scope = {
  ...flexible,
  title: 'Flexible Paxos with q1=3 and q2=2: 4 acceptors, 2 proposers, 3 ballots, 1 slot',
  claimsMax: 3,
  claimsOfOneMax: 2,
  slots: 1,
}

/** A minute together. */
export const shortScopes = { classic, flexible, flexibleOfThree, holes, stopSigns, crash, notices } satisfies Readonly<
  Record<string, Scope>
>

/** For long runs only: minutes, and some GB. */
export const longScopes = {
  stopSignsLong: {
    ...stopSigns,
    title: 'stop signs that may be void: 3 acceptors, 2 proposers, 3 ballots, 3 slots, 21 moves',
    claimsMax: 3,
    claimsOfOneMax: 2,
    depthMax: 21,
  },
  holesLong: {
    ...holes,
    title: 'a new leader finds holes: 3 acceptors, 2 proposers, 2 ballots, 3 slots',
    depthMax: undefined,
  },
  crashLong: { ...crash, title: 'any node crashes once: 3 acceptors, 2 proposers, 3 ballots, 1 slot', claimsMax: 3 },
  noticesLong: {
    ...notices,
    title: 'notices and catching up: 3 acceptors, 2 proposers, 2 ballots, 2 slots, 22 moves',
    claimsOfOneMax: 1,
    slots: 2,
    arrives: [...voting, 'decide', 'catchup', 'catchupReply'],
    depthMax: 22,
  },
} satisfies Readonly<Record<string, Scope>>

const brief: Scope = {
  ...classic,
  title: '3 acceptors, 2 proposers, 2 ballots, 1 slot, notices',
  claimsMax: 2,
  slots: 1,
  arrives: [...voting, 'decide'],
}
const learning: Scope = {
  ...brief,
  title: `${brief.title}, catching up`,
  arrives: [...brief.arrives, 'catchup', 'catchupReply'],
  asks: true,
}
const twoSlots: Scope = {
  ...classic,
  title: '3 acceptors, 2 proposers, 2 ballots, 2 slots',
  claimsMax: 2,
  claimsOfOneMax: 1,
}

/** Small enough to be searched without forgetting as well: both must see the same states of nodes. */
export const shortTwins = { brief } satisfies Readonly<Record<string, Scope>>
export const longTwins = { crash, learning, twoSlots } satisfies Readonly<Record<string, Scope>>

export const scopes = { ...shortScopes, ...longScopes, ...shortTwins, ...longTwins }

export type ScopeName = keyof typeof scopes

export function isScopeName(text: string): text is ScopeName {
  return Object.hasOwn(scopes, text)
}
