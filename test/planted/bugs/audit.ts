import type { Bug } from '../bug.ts'

const machine = 'machine/kv-machine.ts'
const trail = 'machine/trail.ts'

/** The audit trail: what is recorded, and that it is the same everywhere. */
export const auditBugs: readonly Bug[] = [
  {
    name: 'record-without-the-clock',
    what: 'A record of an audited write has no time',
    patches: [
      {
        file: machine,
        find: 'this.#record(slot, this.#sessions.clockMs, action, origin, detail, writtenBy(command, reply))',
        replace: 'this.#record(slot, 0, action, origin, detail, writtenBy(command, reply))',
      },
    ],
  },
  {
    name: 'record-of-no-change',
    what: 'A write that was refused, or changed nothing, is recorded',
    patches: [
      {
        file: machine,
        find: 'if (action === undefined || !didChange(reply, before))',
        replace: 'if (action === undefined)',
      },
    ],
  },
  {
    name: 'trail-outside-the-chain',
    what: 'Members may hold different records, and their chains are equal',
    patches: [{ file: trail, find: 'this.#changes.audited(number, encoded)', replace: '' }],
  },
  {
    name: 'trail-forgotten',
    what: 'A machine that is loaded again counts its records anew',
    patches: [
      {
        file: trail,
        find: ': readRecord(record, (reader) => ({ admin: readExtent(reader), writes: readExtent(reader) }))',
        replace: ': { admin: nothing(), writes: nothing() }',
      },
    ],
  },
  {
    name: 'record-at-the-leader-only',
    what: 'An audited write is recorded only by the member that proposed it',
    patches: [
      {
        file: 'runtime/replica.ts',
        find: 'const replies = this.#state.apply(slot, entry)',
        replace: `Object.assign(this.#state.machine, { isFollowing: this.#role !== 'leader' })
    const replies = this.#state.apply(slot, entry)`,
      },
      {
        file: machine,
        find: 'if (action === undefined || !didChange(reply, before))',
        replace:
          "if (action === undefined || !didChange(reply, before) || ('isFollowing' in this && this.isFollowing))",
      },
    ],
  },
  {
    name: 'repetition-recorded',
    what: 'A repeated request of a session is recorded again',
    patches: [
      {
        file: machine,
        find: 'if (stored !== undefined) return decodeReply(stored)',
        replace: `if (stored !== undefined) {
      if (origin !== undefined) this.#record(slot, this.#sessions.clockMs, 'compact', origin, '')
      return decodeReply(stored)
    }`,
      },
    ],
  },
  {
    name: 'epoch-not-recorded',
    what: 'Who asked for a change of epoch is not recorded',
    patches: [{ file: machine, find: 'this.#auditEpoch(slot, entry.payload)', replace: '' }],
  },
]
