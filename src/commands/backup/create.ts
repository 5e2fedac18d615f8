import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { amountOf, renderManifest } from '../../cli/backup/manifest-view.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { count } from '../../cli/output.ts'
import { StatusLine } from '../../cli/status-line.ts'

export default class BackupCreate extends ClusterCommand {
  static override summary = 'Write everything that the cluster holds, at one revision, to a file.'
  static override description =
    `Keys, history and sessions of one moment, while the cluster serves. Everything acknowledged before the command began is in it; --stale asks for no quorum and takes what the node has.

With --base only what was chosen since another backup, full or an increment, is written: as much as was written meanwhile, and not as much as there is. To restore, all of them are needed, in order; in return, any moment between can be restored. The nodes keep what is needed for as long as limits.backupLogBytesMax allows.

The first endpoint that can is read from. When it fails in the middle, the next is, from the beginning; other members are found by themselves. The file has its name only once it is whole, checked and durable. Reading costs a node some processor time: name a follower first to spare the leader.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> /backup/orders.paxos',
    '<%= config.bin %> <%= command.id %> /backup/orders-1.paxos --base /backup/orders.paxos',
    '<%= config.bin %> <%= command.id %> /backup/orders-2.paxos --base /backup/orders-1.paxos --dry-run',
    '<%= config.bin %> <%= command.id %> - | ssh vault "cat > orders.paxos"',
    '<%= config.bin %> <%= command.id %> last.paxos --stale --endpoints unix:/var/lib/paxos/n1/paxos.sock',
  ]

  static override args = {
    file: Args.string({ required: true, description: 'File to write, or - for standard output.', ignoreStdin: true }),
  }

  static override flags = {
    stale: Flags.boolean({ summary: 'Take what the asked node has, without asking for a quorum.' }),
    base: Flags.string({ summary: 'Write only what was chosen since this backup.', helpValue: '<file>' }),
    overwrite: Flags.boolean({ summary: 'Replace the file if it is there.' }),
    'dry-run': Flags.boolean({ summary: 'Read and check all of it, say what would be written, and write nothing.' }),
  }

  async run(): Promise<object | undefined> {
    const { args, flags } = await this.parse(BackupCreate)
    const { admin, endpoints } = await this.admin(flags)
    const { timeoutMs } = await this.connection(flags)
    const { createBackup } = await import('../../cli/backup/create-backup.ts')
    const { openBackupOutput } = await import('../../cli/backup/backup-output.ts')
    const { RehearsedOutput } = await import('../../cli/backup/rehearsed-output.ts')
    const { backupBase } = await import('../../cli/backup/backup-base.ts')
    const base = flags.base === undefined ? undefined : await backupBase(flags.base)
    const rehearsed = flags['dry-run'] ? await RehearsedOutput.open(args.file, flags.overwrite) : undefined
    const output = rehearsed ?? (await openBackupOutput(args.file, flags.overwrite))
    const progress = { bytes: 0, entries: 0 }
    const line = new StatusLine({
      stream: process.stderr,
      silent: this.jsonEnabled(),
      line: () => `${count(progress.entries, 'record')} read`,
    })
    line.start()
    this.onEnd(() => line.stop())
    const startedAt = performance.now()
    try {
      const consistency = flags.stale ? 'stale' : 'linearizable'
      const events = { progress, remark: (text: string) => this.remark(text) }
      const manifest = await createBackup({ admin, endpoints, consistency, timeoutMs, base }, output, events)
      await output.finish()
      line.stop()
      const seconds = (performance.now() - startedAt) / 1000
      this.remark(`${amountOf(manifest)} at revision ${manifest.revision} in ${seconds.toFixed(1)} s`)
      if (rehearsed !== undefined) {
        this.log(renderManifest(args.file, manifest))
        this.log(`the file would have ${count(rehearsed.bytes, 'byte')}; nothing was written`)
        return { dryRun: true, file: args.file, manifest, fileBytes: rehearsed.bytes }
      }
      // With - the backup is what stdout is for.
      if (args.file === '-') return undefined
      this.log(renderManifest(args.file, manifest))
      return { dryRun: false, file: args.file, manifest }
    } catch (error) {
      await output.discard()
      throw error
    }
  }
}
