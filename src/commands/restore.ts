import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../base/error.ts'
import { renderRestore, restoreJson } from '../cli/backup/restore-view.ts'
import { BaseCommand } from '../cli/base-command.ts'
import { counter, instant } from '../cli/flags.ts'
import type { RestorePoint } from '../daemon/backup/restore-point.ts'

export default class Restore extends BaseCommand {
  static override summary = 'Make data directories for a new cluster out of a backup.'
  static override description =
    `Every member of the new cluster needs a directory made from the same file with the same members, token, quorum sizes and lease: prepare them all at once, or each on its machine. Then start the nodes as always, with the same settings. They are a cluster of their own: no node of the old cluster, and none that was not restored from this file, can join.

Keys are as in the backup. Revisions go on 10,000,000,000,000 above the backup's, with everything below compacted; sessions are ended. The directories must be empty or not exist. An interrupted restore is begun again by running it again; until it is finished no node starts on the directory.

With increments, everything up to the end of the last is restored, or up to a slot, revision or time between. The last write that is left in is the last one below that slot; the one that made that revision; or the last one in a batch that its leader made no later than that time, by its own clock. Every member needs the same files and the same point. Revisions go on above all in the files, also of what is left out.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> orders.paxos --config /etc/paxos/n1.yaml',
    '<%= config.bin %> <%= command.id %> orders.paxos orders-1.paxos orders-2.paxos --to-time 2026-11-25T22:47:00Z --config /etc/paxos/n1.yaml',
    '<%= config.bin %> <%= command.id %> orders.paxos --cluster-token orders-2 --bootstrap-members n1=10.0.0.1:7701,n2=10.0.0.2:7701,n3=10.0.0.3:7701 --data-dir n1=/var/lib/paxos/n1 --dry-run',
    '<%= config.bin %> <%= command.id %> orders.paxos --cluster-token test --bootstrap-members a=127.0.0.1:7701,b=127.0.0.1:7702 --data-dir a=./a --data-dir b=./b',
  ]

  static override args = {
    file: Args.string({
      required: true,
      multiple: true,
      description: 'A full backup, and the increments that continue it, in order.',
      ignoreStdin: true,
    }),
  }

  static override flags = {
    'data-dir': Flags.string({
      summary: 'A member to prepare, and its directory; once for each.',
      helpValue: '<name=dir>',
      multiple: true,
      multipleNonGreedy: true,
      exclusive: ['config'],
    }),
    config: Flags.string({
      summary: 'Configuration file of a member to prepare, as for `node start`; once for each.',
      helpValue: '<file>',
      multiple: true,
      multipleNonGreedy: true,
    }),
    'bootstrap-members': Flags.string({
      summary: 'All members of the new cluster with their peer addresses.',
      helpValue: '<n1=host:port,…>',
    }),
    'cluster-token': Flags.string({ summary: 'Token of the new cluster.', helpValue: '<token>' }),
    q1: Flags.string({ summary: 'Promises needed to lead.', helpValue: '<1-31>' }),
    q2: Flags.string({ summary: 'Votes needed to choose.', helpValue: '<1-31>' }),
    'lease-ms': Flags.string({ summary: 'Length of the leader lease; 0 is off.', helpValue: '<ms>' }),
    'revision-above': counter({
      summary: 'Revisions of the new cluster are above this one, too.',
      default: 0,
    }),
    'to-slot': counter({ summary: 'Leave out this slot and all after it.', exclusive: ['to-revision', 'to-time'] }),
    'to-revision': counter({
      summary: 'Leave out what was done after this revision.',
      exclusive: ['to-slot', 'to-time'],
    }),
    'to-time': instant({
      summary: 'Leave out what was written after this time.',
      exclusive: ['to-slot', 'to-revision'],
    }),
    scratch: Flags.string({
      summary: "Where increments are replayed, instead of the system's place for temporary files.",
      helpValue: '<dir>',
    }),
    'dry-run': Flags.boolean({ summary: 'Check everything and say what would be done.' }),
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Restore)
    const dataDirs = flags['data-dir'] ?? []
    const files = flags.config ?? []
    if (dataDirs.length === 0 && files.length === 0) {
      throw new PaxosError('USAGE', 'It is not said which members to prepare', {
        hint: 'Give --config FILE, or --data-dir NAME=DIR with --bootstrap-members and --cluster-token.',
      })
    }
    const common = {
      bootstrapMembers: flags['bootstrap-members'],
      clusterToken: flags['cluster-token'],
      q1: flags.q1,
      q2: flags.q2,
      leaseMs: flags['lease-ms'],
    }
    const { memberConfigs } = await import('../cli/backup/member-configs.ts')
    const { foundersOf, planRestore, restore } = await import('../daemon/backup/restore.ts')
    const { withRestoreSource } = await import('../cli/backup/restore-source.ts')
    const founders = foundersOf(memberConfigs({ dataDirs, files, common }, process.env, process.cwd()))
    const isDryRun = flags['dry-run']
    const source = {
      paths: args.file,
      point: pointOf(flags),
      scratch: flags.scratch,
      onStep: (text: string) => void (this.jsonEnabled() || this.remark(text)),
    }
    return await withRestoreSource(source, async ({ backup, revisionAbove }) => {
      const plan = await planRestore(backup, founders, Math.max(flags['revision-above'], revisionAbove))
      if (!isDryRun) {
        await restore(plan, ({ name, directory, state }) => {
          if (!this.jsonEnabled())
            this.remark(`${name}: ${state === 'done' ? 'was done before' : 'done'}, ${directory}`)
        })
      }
      this.log(renderRestore(plan, args.file, isDryRun))
      return restoreJson(plan, args.file, isDryRun)
    })
  }
}

function pointOf(flags: {
  readonly 'to-slot': number | undefined
  readonly 'to-revision': number | undefined
  readonly 'to-time': number | undefined
}): RestorePoint {
  const { 'to-slot': slot, 'to-revision': revision, 'to-time': timeMs } = flags
  if (slot !== undefined) return { kind: 'slot', slot }
  if (revision !== undefined) return { kind: 'revision', revision }
  return timeMs === undefined ? { kind: 'end' } : { kind: 'time', timeMs }
}
