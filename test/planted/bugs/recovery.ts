import type { Bug } from '../bug.ts'

const evidence = 'protocol/recovery/evidence.ts'

/** What is kept, and what is proved, when a quorum is lost. */
export const recoveryBugs: readonly Bug[] = [
  {
    name: 'recovery-keeps-the-proved-only',
    what: 'A recovery gives up what may have been chosen and is not proved',
    patches: [
      {
        file: 'protocol/recovery/settle.ts',
        find: 'votes: at === 0 ? below : []',
        replace: 'votes: at === 0 ? below.filter((vote) => vote.chosen) : []',
      },
    ],
  },
  {
    name: 'recovery-lowest-ballot',
    what: 'A recovery keeps the vote of the lowest ballot',
    patches: [
      {
        file: 'protocol/recovery/settle.ts',
        find: 'evidence.votesOf(nextSlot(from, at))).flat()',
        replace:
          'evidence.votesOf(nextSlot(from, at)).toSorted((a, b) => a.ballot.round - b.ballot.round).slice(0, 1)).flat()',
      },
    ],
  },
  {
    name: 'recovery-counts-last-votes',
    what: 'Who voted again at a higher ballot is taken for one who never voted below it',
    patches: [
      {
        file: evidence,
        find: 'new Set([...agreeing.map(({ node }) => node), ...silent])',
        replace: 'new Set([...(agreeing.length > 0 ? voting : []), ...silent])',
      },
    ],
  },
  {
    name: 'recovery-unread-is-absent',
    what: 'A vote that cannot be read is taken for no vote',
    patches: [
      {
        file: evidence,
        find: 'this.#unknown.get(node)?.has(slot) === true',
        replace: 'this.#unknown.get(node)?.has(slot) === undefined',
      },
    ],
  },
  {
    name: 'recovery-trusts-the-silent',
    what: 'The dead are taken not to have led above what is left',
    patches: [
      {
        file: evidence,
        find: 'this.#quorums.isPhase1(new Set([...silent, ...untold]))',
        replace: 'this.#quorums.isPhase1(silent)',
      },
    ],
  },
  {
    name: 'recovery-raise-not-applied',
    what: 'Machines ignore by how much a recovery raises revisions and session numbers',
    patches: [{ file: 'machine/kv-machine.ts', find: 'this.#raise(raisedBy(entry.payload))', replace: '' }],
  },
  {
    name: 'recovery-raises-nothing',
    what: 'A recovery that may have lost something does not raise revisions',
    patches: [
      {
        file: 'protocol/recovery/recovery.ts',
        find: 'const raisedBy = isLossy ? input.raiseBy : 0',
        replace: 'const raisedBy = isLossy ? 0 : input.raiseBy',
      },
    ],
  },
  {
    name: 'recovery-raises-as-far-as-a-restore',
    what: 'A backup of before a recovery is restored to revisions that the recovered cluster has given',
    patches: [
      { file: 'machine/restored.ts', find: 'recoveryGap = restoreGap / 10', replace: 'recoveryGap = restoreGap' },
    ],
  },
  {
    name: 'restore-goes-on-at-the-backup',
    what: 'A restored cluster gives the revisions again that the old one gave after the backup',
    patches: [
      {
        file: 'machine/restored.ts',
        find: 'const raise = Math.max(restoreGap, above - meta.revision)',
        replace: 'const raise = Math.max(0, above - meta.revision)',
      },
    ],
  },
]
