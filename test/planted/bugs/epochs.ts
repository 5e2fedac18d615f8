import type { Bug } from '../bug.ts'

const phaseOne = 'protocol/multipaxos/phase-one.ts'
const leader = 'protocol/multipaxos/leader.ts'
const acceptor = 'protocol/multipaxos/acceptor.ts'

/** Changes of epoch (protocols 10 and 16, 17 to 20). */
export const epochBugs: readonly Bug[] = [
  {
    name: 'stop-sign-never-void',
    what: 'A stop sign is proposed again whatever was voted above it (T15)',
    patches: [
      {
        file: phaseOne,
        find: 'if (above === undefined || isWeaker(above, vote)) upTo = (slot + 1) as Slot',
        replace: 'if (above?.chosen !== true) upTo = (slot + 1) as Slot',
      },
    ],
  },
  {
    name: 'stop-sign-always-void',
    what: 'A stop sign is dropped when anything was voted above it, however old (T16)',
    patches: [
      {
        file: phaseOne,
        find: 'if (above === undefined || isWeaker(above, vote)) upTo = (slot + 1) as Slot',
        replace: 'if (above === undefined) upTo = (slot + 1) as Slot',
      },
    ],
  },
  {
    name: 'proposals-above-a-stop-sign',
    what: 'A leader goes on proposing above its stop sign',
    patches: [
      {
        file: leader,
        find: "return this.#phase.kind === 'propose' && (this.#phase.stop !== undefined || this.#log.stop !== undefined)",
        replace: 'return false',
      },
    ],
  },
  {
    name: 'elected-above-a-stop-sign',
    what: 'A candidate that learned meanwhile that the epoch is over leads above its stop sign',
    patches: [
      { file: leader, find: 'if (this.#log.stop !== undefined) return []', replace: '' },
      {
        file: leader,
        find: '(this.#phase.stop !== undefined || this.#log.stop !== undefined)',
        replace: 'this.#phase.stop !== undefined',
      },
    ],
  },
  {
    name: 'reads-after-a-stop-sign',
    what: 'A leader keeps its lease and answers reads after it proposed a stop sign (T17)',
    patches: [
      {
        file: leader,
        find: 'this.#phase.barrier === undefined || this.isStopping) return false',
        replace: 'this.#phase.barrier === undefined) return false',
      },
    ],
  },
  {
    name: 'stop-sign-untold',
    what: 'Who knows the stop sign chosen promises as if the log went on above it',
    patches: [
      {
        file: acceptor,
        find: 'const { stop } = this.#log\n    const chosenUpTo',
        replace: 'const stop = undefined as { slot: Slot } | undefined\n    const chosenUpTo',
      },
    ],
  },
  {
    name: 'snapshot-hides-the-stop-sign',
    what: 'An engine takes the slots of later epochs in a snapshot for its own',
    patches: [
      {
        file: 'runtime/open-epochs.ts',
        find: '  return appliedUpTo < end ? appliedUpTo : end',
        replace: '  return end < 0 ? end : appliedUpTo',
      },
    ],
  },
  {
    name: 'epoch-before-it-is-durable',
    what: 'A node takes part in an epoch before its disk knows of it',
    patches: [
      {
        file: 'runtime/epoch-keeper.ts',
        find: 'this.#node.saveEpoch(epoch, () => this.#onSaved(epoch))',
        replace: 'this.#onSaved(epoch)\n    this.#node.saveEpoch(epoch, () => {})',
      },
    ],
  },
  {
    name: 'old-quorums-in-the-new-epoch',
    what: 'The next epoch counts with the quorum sizes of the last one',
    patches: [
      {
        file: 'runtime/epoch-keeper.ts',
        find: 'return this.#host.createEngine(epoch, ',
        replace:
          'const { q1, q2 } = this.epochs.newest\n    const n = epoch.members.filter((member) => member.kind === "acceptor").length\n    const sizes = q1 + q2 > n && q1 <= n && q2 <= n ? { q1, q2 } : {}\n    return this.#host.createEngine({ ...epoch, ...sizes }, ',
      },
    ],
  },
  {
    name: 'skipped-epoch-not-opened',
    what: 'An epoch that a node skipped, told of a later one first, is never opened: others wait for its promise there',
    patches: [
      {
        file: 'runtime/epoch-keeper.ts',
        find: '.epochs.newest).number) this.#openSkipped(next)',
        replace: '.epochs.newest).number) return',
      },
    ],
  },
]
