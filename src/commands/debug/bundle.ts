import { existsSync } from 'node:fs'
import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { checkWritable } from '../../cli/check-writable.ts'
import type { ConnectionFlags } from '../../cli/cluster-command.ts'
import type { BundleContents, BundleLimits } from '../../cli/debug/bundle.ts'
import { counter, duration } from '../../cli/flags.ts'
import { count } from '../../cli/output.ts'
import { ReadCommand, type StoppedFlags, stoppedFlags } from '../../cli/read-command.ts'

interface BundleResult {
  readonly dryRun: boolean
  readonly file: string
  readonly bytes: number
  readonly files: number
  readonly answered: readonly string[]
  readonly silent: readonly string[]
  readonly missing: readonly string[]
}

const mib = 1024 * 1024

export default class DebugBundle extends ReadCommand {
  static override summary = 'Collect what someone else needs to help, in one file.'
  static override description =
    `A tar.gz with the report of the doctor, and of every member that answers its status, diagnosis, configuration with secrets hidden, metrics, and newest log lines. No keys and no values. It has names, addresses and log lines: look through it before you hand it on.

Dead members are named in it, and cost one --timeout. What does not fit into --max-size or --max-time is left out, and ABOUT.txt says so.

With --data-dir, from the directory of a stopped node, damaged or not: the same but what only a process knows.`

  static override examples = [
    '<%= config.bin %> <%= command.id %> bundle.tar.gz',
    '<%= config.bin %> <%= command.id %> bundle.tar.gz --timeout 3s --max-time 20s --json',
    '<%= config.bin %> <%= command.id %> bundle.tar.gz --data-dir /var/lib/paxos/n1',
    'kubectl exec paxos-0 -- <%= config.bin %> <%= command.id %> - > bundle.tar.gz',
  ]

  static override args = {
    file: Args.string({
      required: true,
      description: 'File to make, which must not be there; - is stdout.',
      ignoreStdin: true,
    }),
  }

  static override flags = {
    ...stoppedFlags,
    'max-size': counter({ summary: 'Most that it holds before it is compressed, in MiB.', default: 64, min: 1 }),
    'max-time': duration({ summary: 'Longest that it may take.', default: 60_000, defaultHelp: async () => '60s' }),
    'dry-run': Flags.boolean({ summary: 'Collect everything, say what would be in the file, and write nothing.' }),
  }

  async run(): Promise<BundleResult> {
    const { args, flags } = await this.parse(DebugBundle)
    const { file } = args
    const isDryRun = flags['dry-run']
    if (file === '-' && this.jsonEnabled() && !isDryRun) {
      throw new PaxosError('USAGE', 'The bundle and --json cannot both go to stdout', { hint: 'Give a file.' })
    }
    const { archiveOf, existsAlready, writeArchive } = await import('../../cli/debug/write-bundle.ts')
    // Before the members are asked for nothing.
    if (file !== '-') {
      if (existsSync(file)) throw existsAlready(file)
      await checkWritable(file)
    }
    const limits = { bytesMax: flags['max-size'] * mib, signal: AbortSignal.timeout(flags['max-time']) }
    const { clusterId, members, files, missing } = await this.#collect(flags, limits)
    const archive = await archiveOf(files, { version: this.config.version, clusterId, missing }, Date.now())
    if (isDryRun) for (const { name, bytes } of files) this.log(`${name}: ${count(bytes.length, 'byte')}`)
    else await writeArchive(file, archive)
    const answered = members.filter((member) => member.answered).map((member) => member.name)
    const silent = members.filter((member) => !member.answered).map((member) => member.name)
    for (const line of missing) this.remark(`missing: ${line}`)
    const summary = `${count(files.length + 1, 'file')} of ${answered.join(', ')}${silent.length === 0 ? '' : `; no answer from ${silent.join(', ')}`}`
    if (isDryRun) this.log(`${file}: would have ${summary}; ${count(archive.length, 'byte')}, and nothing was written`)
    else if (file === '-') this.remark(summary)
    else this.log(`${file}: ${summary}`)
    return { dryRun: isDryRun, file, bytes: archive.length, files: files.length + 1, answered, silent, missing }
  }

  async #collect(flags: ConnectionFlags & StoppedFlags, limits: BundleLimits): Promise<BundleContents> {
    const path = flags['data-dir']
    if (path !== undefined) {
      const { collectStoppedBundle } = await import('../../cli/debug/stopped-bundle.ts')
      return await collectStoppedBundle(path, limits)
    }
    const { admin, endpoints } = await this.admin(flags)
    const { collectBundle } = await import('../../cli/debug/bundle.ts')
    return await collectBundle(admin, endpoints, limits)
  }
}
