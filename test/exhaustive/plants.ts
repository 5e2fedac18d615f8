/** A bug to plant: text of one module under src/, exactly one match each, and what replaces it. */
export interface Plant {
  readonly file: string
  readonly patches: readonly (readonly [right: string, wrong: string])[]
}

/** What the search must find, by name. The scope that finds each is named in the test. */
export const plants = {
  /** The course text's acceptor: an accept does not raise the promise (protocols 17, T1). */
  acceptWithoutPromise: {
    file: 'protocol/multipaxos/acceptor.ts',
    patches: [["      this.#promised = ballot\n      this.#writes.push({ kind: 'promise', ballot })\n", '']],
  },
  phase2QuorumTooSmall: {
    file: 'protocol/quorum.ts',
    patches: [['isPhase2: (nodes) => count(nodes) >= q2,', 'isPhase2: (nodes) => count(nodes) >= q2 - 1,']],
  },
  phase1QuorumTooSmall: {
    file: 'protocol/quorum.ts',
    patches: [['isPhase1: (nodes) => count(nodes) >= q1,', 'isPhase1: (nodes) => count(nodes) >= q1 - 1,']],
  },
  noopIgnoringVotes: {
    file: 'protocol/multipaxos/phase-one.ts',
    patches: [
      ['entry: best.get(slot)?.entry ?? noop', 'entry: slot + 1 === end ? (best.get(slot)?.entry ?? noop) : noop'],
    ],
  },
  firstVoteWins: {
    file: 'protocol/multipaxos/phase-one.ts',
    patches: [['  return order >= 0 ? a : b\n', '  return a\n']],
  },
  /** A new leader takes every stop sign for void, also one that may be chosen (protocols 17, T16). */
  stopSignAlwaysVoid: {
    file: 'protocol/multipaxos/phase-one.ts',
    patches: [['if (above === undefined || isWeaker(above, vote)) upTo = (slot + 1) as Slot\n      else best', 'best']],
  },
  /** A new leader takes no stop sign for void, and leaves out what was voted above it (protocols 17, T15). */
  stopSignNeverVoid: {
    file: 'protocol/multipaxos/phase-one.ts',
    patches: [
      [
        'if (above === undefined || isWeaker(above, vote)) upTo = (slot + 1) as Slot\n      else best.delete(slot)',
        'upTo = (slot + 1) as Slot',
      ],
    ],
  },
  /** A notice matches an older vote as well (protocols 17, T5). */
  noticeWithoutBallot: {
    file: 'protocol/multipaxos/learner.ts',
    patches: [['      if (!sameBallot(vote.ballot, ballot)) return\n', '']],
  },
  mixedBallotTally: {
    file: 'protocol/multipaxos/leader.ts',
    patches: [
      [
        "if (this.#phase.kind !== 'propose' || !sameBallot(ballot, this.#phase.ballot)) return\n",
        "if (this.#phase.kind !== 'propose') return\n",
      ],
    ],
  },
  answerBeforeDurable: {
    file: 'protocol/multipaxos/acceptor.ts',
    patches: [
      [
        "    const effect: Effect = { kind: 'persist', writes: this.#writes, release }\n",
        "    const effect: Effect = { kind: 'persist', writes: this.#writes, release: [] }\n",
      ],
      ['    return [effect]\n', '    return [...release, effect]\n'],
    ],
  },
  /** A restarted proposer claims as if it were the one before the crash (protocols 17, T2). */
  ballotReusedAfterRestart: {
    file: 'protocol/multipaxos/election.ts',
    patches: [
      [
        'round: this.#seen.round + 1, node, incarnation, sub: 0',
        'round: this.#seen.round + 1, node, incarnation: Math.min(1, incarnation) as Incarnation, sub: 0',
      ],
    ],
  },
  /** The promise of a vote at a higher ballot is kept in memory only. */
  promiseNotDurable: {
    file: 'protocol/multipaxos/acceptor.ts',
    patches: [["writes: [{ kind: 'promise', ballot }], release", 'writes: [], release']],
  },
} satisfies Readonly<Record<string, Plant>>

export type PlantName = keyof typeof plants

export function isPlantName(text: string): text is PlantName {
  return Object.hasOwn(plants, text)
}
