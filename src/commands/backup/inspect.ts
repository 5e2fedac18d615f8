import * as Args from '@oclif/core/args'
import { renderManifest } from '../../cli/backup/manifest-view.ts'
import { BaseCommand } from '../../cli/base-command.ts'
import { count } from '../../cli/output.ts'

export default class BackupInspect extends BaseCommand {
  static override summary = 'Show what a backup holds, and whether it is whole.'
  static override description =
    `Reads the whole file and checks every checksum, and that the content is what the manifest says, without restoring anything. The exit status is 10 when it is damaged, 6 when a newer version wrote it.

Of a full backup and the increments that continue it, in order, it says whether they belong together, and to which points they can be restored.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> orders.paxos',
    '<%= config.bin %> <%= command.id %> orders.paxos orders-1.paxos orders-2.paxos',
    '<%= config.bin %> <%= command.id %> orders.paxos --json',
  ]

  static override args = {
    file: Args.string({
      required: true,
      multiple: true,
      description: 'A backup; or a full one, and the increments that continue it.',
      ignoreStdin: true,
    }),
  }

  async run(): Promise<object> {
    const { args } = await this.parse(BackupInspect)
    const [file] = args.file
    if (file !== undefined && args.file.length === 1) return await this.#inspectOne(file)
    const { checkChain } = await import('../../daemon/backup/backup-chain.ts')
    const { chainJson, renderChain } = await import('../../cli/backup/chain-view.ts')
    const chain = await checkChain(args.file)
    this.log(renderChain(chain))
    return chainJson(chain)
  }

  async #inspectOne(file: string): Promise<object> {
    const { checkFile } = await import('../../daemon/backup/backup-file.ts')
    const { backupId } = await import('../../daemon/backup/backup-id.ts')
    const { manifest, fileBytes } = await checkFile(file)
    const id = backupId(manifest)
    this.log(`${renderManifest(file, manifest, id)}\nwhole, ${count(fileBytes, 'byte')}`)
    return { file, fileBytes, id, manifest }
  }
}
