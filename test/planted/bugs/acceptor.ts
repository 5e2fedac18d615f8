import type { Bug } from '../bug.ts'

const acceptor = 'protocol/multipaxos/acceptor.ts'

/** Promises and votes, and what of them is on the disk when they are spoken of. */
export const acceptorBugs: readonly Bug[] = [
  {
    name: 'vote-without-promise',
    what: 'A vote at a higher ballot does not promise it (T1)',
    patches: [
      {
        file: acceptor,
        find: `(T1).
      this.#promised = ballot
      this.#writes.push({ kind: 'promise', ballot })`,
        replace: '(T1).',
      },
    ],
  },
  {
    name: 'vote-promise-not-stored',
    what: 'A vote at a higher ballot promises it in memory only',
    patches: [{ file: acceptor, find: `this.#writes.push({ kind: 'promise', ballot })`, replace: '' }],
  },
  {
    name: 'promise-not-stored',
    what: 'A promise is answered and never written',
    patches: [
      { file: acceptor, find: `writes: [{ kind: 'promise', ballot }], release`, replace: 'writes: [], release' },
    ],
  },
  {
    name: 'promise-goes-back',
    what: 'A prepare below the promise is promised, and takes the promise down',
    patches: [
      {
        file: acceptor,
        find: `    if (compareBallots(ballot, this.#promised) < 0) return [this.#nack(from, ballot, 0)]
    // A copy`,
        replace: '    // A copy',
      },
      {
        file: acceptor,
        find: `    if (compareBallots(ballot, this.#promised) > 0) {
      // Earlier`,
        replace: `    if (compareBallots(ballot, this.#promised) !== 0) {
      // Earlier`,
      },
    ],
  },
  {
    name: 'accept-below-promise',
    what: 'An accept below the promise is voted for',
    patches: [
      {
        file: acceptor,
        find: `    if (compareBallots(ballot, this.#promised) < 0) return [this.#nack(from, ballot, 0)]
    const effects`,
        replace: '    const effects',
      },
    ],
  },
  {
    name: 'first-vote-kept',
    what: 'A vote in a slot is never replaced by one at a higher ballot',
    patches: [
      {
        file: acceptor,
        find: 'assert(compareBallots(previous.ballot, ballot) < 0, ',
        replace: 'return true\n      assert(compareBallots(previous.ballot, ballot) < 0, ',
      },
    ],
  },
  {
    name: 'vote-answered-from-memory',
    what: 'A vote is acknowledged beside its write instead of after it',
    patches: [
      {
        file: acceptor,
        find: `const effect: Effect = { kind: 'persist', writes: this.#writes, release }`,
        replace: `const effect: Effect = { kind: 'persist', writes: this.#writes, release: [] }`,
      },
      { file: acceptor, find: 'return [effect]', replace: 'return [...release, effect]' },
    ],
  },
  {
    name: 'promise-answered-from-memory',
    what: 'A repeated prepare is answered before its promise is durable',
    patches: [
      {
        file: acceptor,
        find: `return [...this.flush(), { kind: 'persist', writes: [], release: this.#promise(from, prepare) }]`,
        replace: 'return [...this.flush(), ...this.#promise(from, prepare)]',
      },
    ],
  },
  {
    name: 'release-before-flush',
    what: 'The committer lets messages go when it starts the flush that they depend on',
    patches: [
      {
        file: 'runtime/committer.ts',
        find: `    this.#isInFlight = true
`,
        replace: `    this.#isInFlight = true
    this.#onReleased(releases)
`,
      },
      {
        file: 'runtime/committer.ts',
        find: `writes.length)
      this.#onReleased(releases)`,
        replace: 'writes.length)',
      },
    ],
  },
  {
    name: 'truncated-is-empty',
    what: 'Truncated slots are reported as slots without votes (T4)',
    patches: [
      {
        file: acceptor,
        find: 'const chosenUpTo = stop?.slot ?? this.#log.chosenUpTo',
        replace: 'const chosenUpTo = fromSlot',
      },
      {
        file: acceptor,
        find: '        truncatedUpTo: this.#log.truncatedUpTo,',
        replace: '        truncatedUpTo: fromSlot,',
      },
    ],
  },
  {
    name: 'unknown-is-no-vote',
    what: 'A vote that cannot be read is taken for no vote',
    patches: [
      {
        file: 'protocol/multipaxos/phase-one.ts',
        find: 'if (!this.#quorums.isPhase1(known)) return undefined',
        replace: '',
      },
    ],
  },
  {
    name: 'unread-is-absent',
    what: 'The store leaves a damaged vote out and says nothing',
    patches: [
      {
        file: 'protocol/multipaxos/acceptor-state.ts',
        find: 'for (const slot of state.unknown) log.markUnknown(slot)',
        replace: '',
      },
    ],
  },
  {
    name: 'wiped-disk-same-id',
    what: 'A node comes back with an empty disk under its old id (T22)',
    patches: [
      {
        file: 'sim/acceptor-disk.ts',
        find: `    this.#inFlight = []
    this.#life++`,
        replace: `    this.#images.clear()
    this.#inFlight = []
    this.#life++`,
      },
      {
        file: 'sim/node.ts',
        find: '    this.stateDisk.crash()',
        replace: `    this.stateDisk.crash()
    this.stateDisk.wipe()
    this.#world.onStateLost(this)`,
      },
    ],
  },
  {
    name: 'copied-prepare-answered',
    what: 'A prepare that the network made a copy of is answered twice, and parts of the two answers pass for one',
    patches: [
      { file: acceptor, find: 'attempt <= this.#answeredAttempt) return []', replace: 'attempt < 0) return []' },
    ],
  },
  {
    name: 'promise-without-watermark',
    what: 'A promise says what is chosen, and a restart forgets it',
    patches: [
      {
        file: 'protocol/multipaxos/multipaxos.ts',
        find: `    this.#isChosenDue = true
    this.#noteChosen()
    const effects`,
        replace: '    const effects',
      },
    ],
  },
  {
    name: 'end-without-watermark',
    what: 'A restart forgets that the last slots of an epoch that is over are chosen',
    patches: [
      {
        file: 'protocol/multipaxos/multipaxos.ts',
        find: 'if (this.#log.stop !== undefined) this.#isChosenDue = true',
        replace: '',
      },
    ],
  },
]
