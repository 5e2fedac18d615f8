import * as Flags from '@oclif/core/flags'
import { BaseCommand } from '../../cli/base-command.ts'
import { exitStatusOf, runNode } from '../../cli/run-node.ts'
import { shown } from '../../daemon/config-document.ts'
import { nodeSettings } from '../../daemon/config-table.ts'

/** `--data-dir` for `dataDir`; the values are checked together with those from the environment and the file. */
const settingFlags = Object.fromEntries(
  Object.entries(nodeSettings).map(([key, setting]) => {
    const name = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    return [
      name,
      Flags.string({
        summary: `${setting.doc}${setting.fallback === undefined ? '' : ` [default: ${shown(setting, setting.fallback)}]`}`,
        helpValue: `<${setting.placeholder}>`,
        helpGroup: 'SETTING',
      }),
    ]
  }),
)

export default class NodeStart extends BaseCommand {
  static override summary = 'Run a node in the foreground.'
  static override description =
    `Settings come from flags, then from the environment (PAXOS_NAME for --name), then from the section "node" of a configuration file, then from defaults. config/node.example.yaml documents all of them; limits are given with --set limits.NAME=VALUE.

SIGTERM and SIGINT stop it cleanly: it gives up leadership, finishes what is open and makes everything durable. A second signal exits at once, which loses nothing that was acknowledged.`

  static override examples = [
    '<%= config.bin %> <%= command.id %> --config /etc/paxos/n1.yaml',
    '<%= config.bin %> <%= command.id %> --name n1 --data-dir /var/lib/paxos/n1 --bootstrap-members n1=10.0.0.1:7701,n2=10.0.0.2:7701,n3=10.0.0.3:7701 --listen-peer 10.0.0.1:7701 --cluster-token orders --insecure',
  ]

  static override flags = {
    ...settingFlags,
    insecure: Flags.boolean({ summary: nodeSettings.insecure.doc, helpGroup: 'SETTING', allowNo: true }),
    config: Flags.string({
      summary: 'Configuration file, instead of paxos.yaml where you are.',
      helpValue: '<file>',
      env: 'PAXOS_CONFIG',
    }),
    set: Flags.string({ summary: 'Any setting by its name.', multiple: true, helpValue: '<key=value>' }),
    'stop-with-stdin': Flags.boolean({
      summary: 'Stop when standard input ends, for a parent that must not leave it behind.',
    }),
  }

  async run(): Promise<{ stopped: true }> {
    const { flags } = await this.parse(NodeStart)
    const { config, set, 'stop-with-stdin': stopWithStdin, insecure, 'no-color': _, ...others } = flags
    const settings: Record<string, string | undefined> = {}
    for (const [name, value] of Object.entries(others)) {
      if (typeof value === 'string') settings[settingOf(name)] = value
    }
    settings['insecure'] = insecure === undefined ? undefined : String(insecure)
    try {
      await runNode({ flags: { settings, set: set ?? [], file: config }, version: this.config.version, stopWithStdin })
    } catch (error) {
      // Open files and sockets of a node that failed must not keep the process, nor be closed politely.
      this.onEnd(() => process.exit(exitStatusOf(error)))
      throw error
    }
    return { stopped: true }
  }
}

/** `dataDir` for `data-dir`. */
function settingOf(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
