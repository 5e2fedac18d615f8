import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { renderManifest } from '../../cli/backup/manifest-view.ts'
import { BaseCommand } from '../../cli/base-command.ts'

export default class BackupVerify extends BaseCommand {
  static override summary = 'Restore a backup to a scratch directory, and compare what comes out.'
  static override description =
    `Checks the file; replays the increments that continue it, if there are any, and compares the hash chain with the cluster's; puts everything in it into a real store and opens that with the machine; then restores it to a cluster of one, starts its node in this process, on loopback, and reads every key from it. Hashes and counts must be those of the manifest, and a first write must get a higher revision. Needs about four times the size of the content as free space.

The exit status is 10 when the backup is bad, 6 when a newer version wrote it.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> orders.paxos',
    '<%= config.bin %> <%= command.id %> orders.paxos orders-1.paxos orders-2.paxos',
    '<%= config.bin %> <%= command.id %> orders.paxos --scratch /var/tmp --json',
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
    scratch: Flags.string({
      summary: "Where to make the scratch directory, instead of the system's place for temporary files.",
      helpValue: '<dir>',
    }),
  }

  async run(): Promise<object> {
    const { args, flags } = await this.parse(BackupVerify)
    const { verifyBackup } = await import('../../cli/backup/verify-backup.ts')
    const files = await verifyBackup(args.file, {
      scratch: flags.scratch,
      version: this.config.version,
      onStep: (text) => this.jsonEnabled() || this.remark(text),
    })
    const texts = files.map(({ path, manifest }) => renderManifest(path, manifest))
    this.log(`${texts.join('\n\n')}\ngood: restored, and every key is the same`)
    const [base, ...increments] = files.map(({ path, fileBytes, manifest }) => ({ file: path, fileBytes, manifest }))
    return { ...base, increments }
  }
}
