import { Args } from '@oclif/core'
import { renderManifest } from '../../cli/backup/manifest-view.ts'
import { BaseCommand } from '../../cli/base-command.ts'
import { count } from '../../cli/output.ts'

export default class BackupInspect extends BaseCommand {
  static override summary = 'Show what a backup holds, and whether it is whole.'
  static override description =
    'Reads the whole file and checks every checksum, and that the content is what the manifest says, without restoring anything. The exit status is 10 when it is damaged, 6 when a newer version wrote it.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> orders.paxos',
    '<%= config.bin %> <%= command.id %> orders.paxos --json',
  ]

  static override args = {
    file: Args.string({ required: true, description: 'A backup.', ignoreStdin: true }),
  }

  async run(): Promise<object> {
    const { args } = await this.parse(BackupInspect)
    const { checkBackup } = await import('../../daemon/backup/backup-file.ts')
    const { manifest, fileBytes } = await checkBackup(args.file)
    this.log(`${renderManifest(args.file, manifest)}\nwhole, ${count(fileBytes, 'byte')}`)
    return { file: args.file, fileBytes, manifest }
  }
}
