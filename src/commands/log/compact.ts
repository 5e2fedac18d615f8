import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { firstAnswer } from '../../cli/first-answer.ts'
import { counter } from '../../cli/flags.ts'

interface Compacted {
  /** Reads at lower revisions are refused. */
  readonly compacted: number
  readonly revision: number
  readonly changed: boolean
  readonly dryRun: boolean
}

export default class LogCompact extends ClusterCommand {
  static override summary = 'Forget old revisions of keys, on every member.'
  static override description =
    'What keys are now stays, and so does what they were at the revision and later; reads at earlier revisions are refused from then on. The leader does the same by itself beyond historyRevisionsMax. Space in state.mdb is used again; `paxos node reclaim` makes the file smaller. With --keep, it is no error when there is nothing to forget.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> 120000',
    '<%= config.bin %> <%= command.id %> --keep 10000',
    '<%= config.bin %> <%= command.id %> --keep 0 --dry-run --json',
  ]

  static override args = {
    revision: Args.string({ description: 'The oldest revision that stays readable.', ignoreStdin: true }),
  }

  static override flags = {
    keep: counter({ summary: 'Keep so many revisions before the newest.' }),
    'dry-run': Flags.boolean({ summary: 'Say what would be forgotten, and forget nothing.' }),
  }

  async run(): Promise<Compacted> {
    const { args, flags } = await this.parse(LogCompact)
    const { keep } = flags
    if ((args.revision === undefined) === (keep === undefined)) {
      throw new PaxosError('USAGE', 'Give either a revision or --keep', {
        hint: '`paxos cluster status` shows the newest revision.',
      })
    }
    const wanted = args.revision === undefined ? undefined : toRevision(args.revision)
    const client = await this.client(flags)
    const { revision } = await client.list({ limit: 1, keysOnly: true })
    const upTo = wanted ?? Math.max(0, revision - (keep ?? 0))
    const { admin, endpoints } = await this.admin(flags)
    const { answer } = await firstAnswer(endpoints, (endpoint) => admin.status(endpoint))
    const before = answer.groups[0]?.compactedRevision ?? 0
    if (upTo > revision) {
      throw new PaxosError('BAD_REQUEST', `Cannot compact to revision ${upTo}: the newest is ${revision}`)
    }
    const dryRun = flags['dry-run'] === true
    if (upTo <= before) return this.#nothing(before, revision, wanted, dryRun)
    if (dryRun) {
      this.log(`revisions from ${before} to ${upTo - 1} would be forgotten; the newest is ${revision}`)
      return { compacted: upTo, revision, changed: true, dryRun: true }
    }
    const done = await client.compact(upTo).catch((error: unknown) => {
      // Somebody else, as a leader does by itself, was faster.
      if (wanted === undefined && error instanceof PaxosError && error.code === 'COMPACTED') return undefined
      throw error
    })
    if (done === undefined) return this.#nothing(upTo, revision, wanted, false)
    this.log(`compacted: the oldest revision that can be read is ${done.compacted}, the newest ${done.revision}`)
    return { compacted: done.compacted, revision: done.revision, changed: true, dryRun: false }
  }

  #nothing(compacted: number, revision: number, wanted: number | undefined, dryRun: boolean): Compacted {
    // Run again, it is as it is to be; further on, it is not: the wanted revision was to stay readable.
    if (wanted !== undefined && wanted !== compacted) {
      throw new PaxosError('COMPACTED', `Revision ${wanted} is compacted already: the oldest is ${compacted}`)
    }
    this.log(`nothing to forget: the oldest revision that can be read is ${compacted}, the newest ${revision}`)
    return { compacted, revision, changed: false, dryRun }
  }
}

function toRevision(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value
  throw new PaxosError('USAGE', `"${text}" is not a revision: a whole number from 1`)
}
