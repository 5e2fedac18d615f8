import type { Bug } from '../bug.ts'

const state = 'runtime/state.ts'
const replica = 'runtime/replica.ts'
const machine = 'machine/kv-machine.ts'
const history = 'machine/history.ts'
const chain = 'machine/chain.ts'
const receiver = 'runtime/snapshot-receiver.ts'

/** One commit of the machine's disk becomes two, the first of `first`. */
function inTwoTransactions(first: string): Bug['patches'] {
  return [
    {
      file: state,
      find: 'this.#store.commit(changes, (error) => {',
      replace: `const isMeta = (key: string): boolean => key === 'm'
    const parts = [true, false].map((of) => new Map([...changes].filter(([key]) => isMeta(key) === of)))
    const [meta, data] = parts
    const [early, late] = ${first} === 'meta' ? [meta, data] : [data, meta]
    const commit = (done: (error?: Error) => void): void =>
      this.#store.commit(early, (error) => (error === undefined ? this.#store.commit(late, done) : done(error)))
    commit((error) => {`,
    },
  ]
}

/** The machine, its disk, truncation and snapshots. */
export const stateBugs: readonly Bug[] = [
  {
    name: 'applied-slot-first',
    what: 'The applied slot is durable before the data that it stands for',
    patches: inTwoTransactions(`'meta'`),
  },
  {
    name: 'applied-slot-last',
    what: 'The applied slot is written after the data, in a transaction of its own',
    patches: inTwoTransactions(`'data'`),
  },
  {
    name: 'applied-otherwise',
    what: 'One machine stores other values than those that were written, and answers as the others do',
    patches: [
      {
        file: machine,
        find: 'const version = this.#kv.put(command.key, command.value, this.#revision + 1)',
        replace: `const planted = globalThis as { wrongMachine?: unknown }
        planted.wrongMachine ??= this
        const value = planted.wrongMachine === this ? command.value.toReversed() : command.value
        const version = this.#kv.put(command.key, value, this.#revision + 1)`,
      },
    ],
  },
  {
    name: 'chain-begins-anew',
    what: 'A restarted machine goes on with an empty hash chain',
    patches: [{ file: chain, find: 'this.#words[at] = view.getInt32(4 * at)', replace: 'this.#words[at] = 0' }],
  },
  {
    name: 'chain-of-entries-only',
    what: 'The hash chain leaves out what applying an entry changed and answered',
    patches: [
      {
        file: chain,
        find: '    this.#writer.flush()\n    if (upTo',
        replace: `    this.#writer.flush()
    this.#words.set(this.#afterEntry)
    if (upTo`,
      },
      {
        file: chain,
        find: 'this.#writer.number(slot).number(entryKinds[kind]).bytes(payload)',
        replace: `{
      this.#writer.number(slot).number(entryKinds[kind]).bytes(payload).flush()
      this.#afterEntry = this.#words.slice()
    }`,
      },
      {
        file: chain,
        find: '  #since = toSlot(0)\n',
        replace: '  #since = toSlot(0)\n  #afterEntry: Hash128 = new Int32Array(4)\n',
      },
    ],
  },
  {
    name: 'majority-of-answers',
    what: 'A majority of those who answered, not of all members, names who has diverged',
    patches: [
      {
        file: 'runtime/chain-comparison.ts',
        find: 'values.filter((other) => other === value).length > this.#members.length)',
        replace: 'values.filter((other) => other === value).length >= values.length)',
      },
    ],
  },
  {
    name: 'no-deduplication',
    what: 'A repeated session request is executed again',
    patches: [{ file: machine, find: 'if (stored !== undefined) return decodeReply(stored)', replace: 'stored' }],
  },
  {
    name: 'replies-not-stored',
    what: 'Replies to session requests are kept in memory only',
    patches: [{ file: 'machine/sessions.ts', find: '      session.replies?.write(slot)\n', replace: '' }],
  },
  {
    name: 'snapshot-without-replies',
    what: 'A snapshot leaves out the stored replies of sessions',
    patches: [
      {
        file: receiver,
        find: 'transfer.install.put(chunk.entries, (error) => {',
        replace: `transfer.install.put(chunk.entries.filter(([key]) => !key.startsWith('r')), (error) => {`,
      },
    ],
  },
  {
    name: 'snapshot-without-sessions',
    what: 'A snapshot leaves out the session table',
    patches: [
      {
        file: receiver,
        find: 'transfer.install.put(chunk.entries, (error) => {',
        replace: `transfer.install.put(chunk.entries.filter(([key]) => !key.startsWith('s')), (error) => {`,
      },
    ],
  },
  {
    name: 'applied-twice',
    what: 'After a start the last applied slot is applied again',
    patches: [
      {
        file: replica,
        find: '.engine.chosen(appliedUpTo, replayBytes)\n      if (entries.length === 0) return',
        replace:
          '.engine.chosen(Math.max(0, appliedUpTo - 1) as Slot, replayBytes)\n      if (entries.length <= 1) return',
      },
      {
        file: replica,
        find: '|| slot !== this.#state.appliedUpTo) return',
        replace: '|| slot > this.#state.appliedUpTo) return',
      },
      { file: machine, find: 'assert(slot === this.#appliedUpTo,', replace: 'assert(slot <= this.#appliedUpTo,' },
    ],
  },
  {
    name: 'truncated-before-durable',
    what: 'The log is truncated above what the machine has durably applied',
    patches: [
      {
        file: 'protocol/multipaxos/multipaxos.ts',
        find: 'Math.min(this.#durableUpTo, end) as Slot',
        replace: 'end as Slot',
      },
    ],
  },
  {
    name: 'durable-before-flush',
    what: 'The machine’s data counts as durable when its flush starts',
    patches: [
      {
        file: state,
        find: '    this.#isCommitting = true\n',
        replace: '    this.#isCommitting = true\n    this.#durableUpTo = upTo\n',
      },
      {
        file: state,
        find: '    this.#store.commit(changes, (error) => {',
        replace: '    this.#onDurable()\n    this.#store.commit(changes, (error) => {',
      },
    ],
  },
  {
    name: 'snapshot-over-changes',
    what: 'Changes of before the snapshot stay on top of it',
    patches: [{ file: state, find: '      this.#overlay.reset()\n', replace: '' }],
  },
  {
    name: 'older-snapshot-installed',
    what: 'A snapshot replaces the data also when it is older',
    patches: [
      {
        file: 'runtime/snapshot-receiver.ts',
        find: 'if (chunk.appliedUpTo <= this.#host.appliedUpTo()) {',
        replace: 'if (chunk.appliedUpTo < 0) {',
      },
      { file: state, find: 'if (upTo <= this.#machine.appliedUpTo) {', replace: 'if (upTo < 0) {' },
    ],
  },
  {
    name: 'snapshot-chunk-out-of-place',
    what: 'A snapshot takes chunks in whatever order they come',
    patches: [{ file: receiver, find: 'if (chunk.after !== transfer.after) return', replace: '' }],
  },
  {
    name: 'snapshots-mixed',
    what: 'Chunks of different snapshots make one',
    patches: [
      {
        file: receiver,
        find: 'if (transfer.snapshot !== undefined && !isSameSnapshot(transfer, chunk)) return',
        replace: '',
      },
    ],
  },
  {
    name: 'one-donor-only',
    what: 'A node that lost its machine’s data asks the same member for it for ever',
    patches: [
      {
        file: 'runtime/donor-choice.ts',
        find: 'const able = peers.filter(({ reachable, durableUpTo }) => reachable && durableUpTo >= neededUpTo)',
        replace: 'const able = neededUpTo < 0 ? [] : peers.slice(0, 1)',
      },
    ],
  },
  {
    name: 'idle-snapshots-kept',
    what: 'A donor keeps snapshots that nobody asks for any more, and has none for those who wait',
    patches: [
      {
        file: 'runtime/snapshot-donor.ts',
        find: 'this.#closeIdle(now, crowdedIdleMs)',
        replace: 'this.#closeIdle(now, idleMs + 0 * crowdedIdleMs)',
      },
    ],
  },
  {
    name: 'copy-without-changes',
    what: 'A packed copy takes the place of the data without what was committed behind it meanwhile',
    patches: [{ file: 'daemon/store/lmdb-state-store.ts', find: '        this.#copy?.note(changes)\n', replace: '' }],
  },
  {
    name: 'clock-in-the-machine',
    what: 'The machine looks at its own clock instead of that in the batch',
    patches: [
      {
        file: machine,
        find: 'this.#sessions.advance(batch.timeMs)',
        replace: 'this.#sessions.advance(Date.now() + performance.now())',
      },
    ],
  },
  {
    name: 'revision-not-restored',
    what: 'The revision begins anew when the machine is loaded',
    patches: [{ file: machine, find: 'this.#revision = meta.revision', replace: 'this.#revision = 0' }],
  },
  {
    name: 'milestone-of-another-life',
    what: 'A key as it was is looked for from a milestone that is later than its life',
    patches: [
      {
        file: history,
        find: 'Math.min(end, this.#firstMilestone(key, revision + 1) ?? end)',
        replace: 'this.#firstMilestone(key, revision + 1) ?? end',
      },
    ],
  },
  {
    name: 'milestone-skipped',
    what: 'A version that came and went within a revision makes no milestone',
    patches: [
      {
        file: history,
        find: 'if (isMilestone && createRevisionOf(record) < revision) this.#makeMilestone(key, revision)',
        replace: '',
      },
    ],
  },
  {
    name: 'milestone-not-used',
    what: 'A key as it was is looked for along all of its later versions',
    patches: [{ file: history, find: 'this.#firstMilestone(key, revision + 1) ?? end', replace: 'end' }],
  },
  {
    name: 'milestone-not-compacted',
    what: 'A milestone outlives the item that it leads to',
    patches: [{ file: history, find: 'viewKeys.push(milestoneKey(key, supersededAt))', replace: 'continue' }],
  },
  {
    name: 'history-out-of-order',
    what: 'What one revision superseded lies in its pages as it came, not by key',
    patches: [{ file: history, find: 'entries.sort(compareEntries)', replace: 'entries' }],
  },
  {
    name: 'history-of-another-life',
    what: 'A key that was deleted since is taken for what it is now',
    patches: [{ file: history, find: 'if (deletion !== undefined) {', replace: 'if (deletion === null) {' }],
  },
  {
    name: 'deletion-not-compacted',
    what: 'That a key was deleted outlives the history that it belongs to',
    patches: [
      {
        file: history,
        find: 'viewKeys.push(deletionKey(key, supersededAt))',
        replace: 'continue',
      },
    ],
  },
]
