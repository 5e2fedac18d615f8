import type { Bug } from '../bug.ts'

const phaseOne = 'protocol/multipaxos/phase-one.ts'
const leader = 'protocol/multipaxos/leader.ts'
const election = 'protocol/multipaxos/election.ts'
const learner = 'protocol/multipaxos/learner.ts'
const quorum = 'protocol/quorum.ts'

/** Ballots, quorums, what a new leader proposes, and what is taken for chosen. */
export const leaderBugs: readonly Bug[] = [
  {
    name: 'ballot-reused',
    what: 'Rounds are counted in memory only and the incarnation is left out (T2)',
    patches: [
      {
        file: election,
        find: 'this.#own = { epoch, round: this.#seen.round + 1, node, incarnation, sub: 0 }',
        replace: `const round = Math.max(this.#own.round, this.#leader.round) + 1
    this.#own = { epoch, round, node, incarnation: 1 as typeof incarnation, sub: 0 }`,
      },
      { file: election, find: 'this.#leader = maxBallot(this.#leader, reply.ballot)', replace: 'reply' },
      {
        file: election,
        find: 'if (order <= 0) return',
        replace: 'if (order <= 0 || ballot.node === this.#identity.self) return',
      },
    ],
  },
  {
    name: 'strongest-vote-by-arrival',
    what: 'Phase 1 takes the vote that arrived first, not that of the highest ballot',
    patches: [{ file: phaseOne, find: 'return order >= 0 ? a : b', replace: 'return a' }],
  },
  {
    name: 'votes-ignored',
    what: 'Phase 1 fills every open slot with a no-op, whatever was voted',
    patches: [{ file: phaseOne, find: 'entry: best.get(slot)?.entry ?? noop', replace: 'entry: noop' }],
  },
  {
    name: 'no-phase-one',
    what: 'The first promise is enough to propose',
    patches: [{ file: phaseOne, find: 'if (!this.#quorums.isPhase1(promised)) return undefined', replace: '' }],
  },
  {
    name: 'chosen-prefix-ignored',
    what: 'Phase 1 ignores how far the others know the log chosen',
    patches: [
      { file: phaseOne, find: 'if (promise.chosenUpTo > chosenUpTo) {', replace: 'if (promise.chosenUpTo < 0) {' },
    ],
  },
  {
    name: 'one-source-only',
    what: 'A member that misses chosen entries asks the one that knows most for ever, also when it is dead',
    patches: [
      {
        file: learner,
        find: 'const next = this.#lastAsked === undefined ? 0 : sources.indexOf(this.#lastAsked) + 1',
        replace: 'const next = 0',
      },
    ],
  },
  {
    name: 'open-below-a-snapshot',
    what: 'A leader keeps waiting for votes in slots that a snapshot says are chosen',
    patches: [
      {
        file: 'protocol/multipaxos/multipaxos.ts',
        find: 'return this.#leader.onSkipped(event.upTo) ? [] : this.#stepDown()',
        replace: 'return []',
      },
    ],
  },
  {
    name: 'proposed-though-learned',
    what: 'A new leader proposes again what it learned while it waited for promises',
    patches: [
      {
        file: leader,
        find: 'Math.max(result.chosenUpTo, this.#log.chosenUpTo) as Slot',
        replace: 'result.chosenUpTo',
      },
    ],
  },
  {
    name: 'one-part-is-a-promise',
    what: 'A promise in several parts counts when its first part is there',
    patches: [{ file: phaseOne, find: 'parts.size === first.parts', replace: 'parts.size > 0' }],
  },
  {
    name: 'promise-parts-mixed',
    what: 'Parts of different attempts make one promise',
    patches: [
      {
        file: phaseOne,
        find: 'if (collected === undefined || promise.attempt > collected.attempt || isOther) {',
        replace: 'if (collected === undefined) {',
      },
      { file: phaseOne, find: 'if (promise.attempt === collected.attempt) collected', replace: 'collected' },
    ],
  },
  {
    name: 'promise-answers-mixed',
    what: 'Parts of two answers to one attempt, with a restart between them, make one promise',
    patches: [{ file: phaseOne, find: 'collected.attempt || isOther) {', replace: 'collected.attempt) {' }],
  },
  {
    name: 'q1-minus-one',
    what: 'A phase-1 quorum is one node too small',
    patches: [{ file: quorum, find: 'count(nodes) >= q1', replace: 'count(nodes) >= q1 - 1' }],
  },
  {
    name: 'q2-minus-one',
    what: 'A phase-2 quorum is one node too small',
    patches: [{ file: quorum, find: 'count(nodes) >= q2', replace: 'count(nodes) >= q2 - 1' }],
  },
  {
    name: 'quorums-that-miss',
    what: 'Flexible sizes that do not meet are used: each quorum is half of the nodes',
    patches: [
      { file: quorum, find: 'count(nodes) >= q1', replace: 'count(nodes) >= n / 2' },
      { file: quorum, find: 'count(nodes) >= q2', replace: 'count(nodes) >= n / 2' },
    ],
  },
  {
    name: 'ballots-mixed-in-a-tally',
    what: 'Votes of any ballot count for the proposal (T3)',
    patches: [
      {
        file: leader,
        find: `if (this.#phase.kind !== 'propose' || !sameBallot(ballot, this.#phase.ballot)) return
    for`,
        replace: `if (this.#phase.kind !== 'propose') return
    for`,
      },
    ],
  },
  {
    name: 'own-vote-before-disk',
    what: 'A leader counts its own vote before it is durable',
    patches: [
      { file: leader, find: 'votes: new Set(), sentAt: now', replace: 'votes: new Set([this.#self]), sentAt: now' },
    ],
  },
  {
    name: 'learned-slot-still-open',
    what: 'A leader goes on proposing in a slot where it learned another entry',
    patches: [
      {
        file: leader,
        find: 'if (!sameEntry(open.entry, entry)) return false',
        replace: 'if (!sameEntry(open.entry, entry)) return true',
      },
    ],
  },
  {
    name: 'notice-at-or-above',
    what: 'A notice of decided slots also counts for votes above its ballot',
    patches: [
      {
        file: learner,
        find: 'if (!sameBallot(vote.ballot, ballot)) return',
        replace: 'if (compareBallots(vote.ballot, ballot) < 0) return',
      },
    ],
  },
  {
    name: 'notice-without-ballot',
    what: 'A notice of decided slots counts for votes of any ballot (T5)',
    patches: [{ file: learner, find: 'if (!sameBallot(vote.ballot, ballot)) return', replace: '' }],
  },
  {
    name: 'catch-up-with-votes',
    what: 'Entries that were only voted for are handed out as chosen',
    patches: [
      {
        file: 'protocol/slot-log.ts',
        find: 'const end = Math.min(to, this.#chosenUpTo)',
        replace: 'const end = Math.min(to, this.#votedUpTo)',
      },
    ],
  },
  {
    name: 'outbid-on-refusal',
    what: 'A refused candidate claims a higher ballot at once (T24)',
    patches: [
      {
        file: 'protocol/multipaxos/multipaxos.ts',
        find: 'return compareBallots(promised, leading) > 0 ? this.#stepDown() : []',
        replace: `if (compareBallots(promised, leading) <= 0) return []
    return this.#claim({ ...leading, round: promised.round + 1 })`,
      },
    ],
  },
]
