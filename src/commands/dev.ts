import { resolve } from 'node:path'
import * as Flags from '@oclif/core/flags'
import { BaseCommand } from '../cli/base-command.ts'
import type { DevCluster } from '../cli/dev/cluster.ts'
import { runDev } from '../cli/dev/run.ts'

export default class Dev extends BaseCommand {
  static override summary = 'Run a whole cluster on this machine, for trying things out.'
  static override description =
    'Starts several nodes as processes of their own, waits until they serve, and stays in the foreground; Ctrl-C stops them all. Started again, it goes on with the data it has. A node that dies is started again after two seconds, one that was asked to stop at once. Client ports count up from --base-port, peer ports from 100 above. The log of each node is in the data directory.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --nodes 5 --fresh --set q1=4 --set q2=2',
    '<%= config.bin %> <%= command.id %> --base-port 8601 --data-dir /tmp/second',
  ]

  static override flags = {
    nodes: Flags.option({
      options: ['1', '3', '5'] as const,
      summary: 'How many nodes [default: 3, or as many as the data directory has].',
    })(),
    'base-port': Flags.integer({ summary: 'Client port of the first node [default: 7601].', min: 1024, max: 65_400 }),
    'data-dir': Flags.string({ summary: 'Where data and logs are.', helpValue: '<dir>', default: '.paxos/dev' }),
    fresh: Flags.boolean({ summary: 'Delete the data there and begin anew.' }),
    'no-restart': Flags.boolean({ summary: 'Leave a node that died dead.' }),
    set: Flags.string({
      summary: 'A setting for every node, such as heartbeatMs=50.',
      multiple: true,
      helpValue: '<key=value>',
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Dev)
    const { DevCluster } = await import('../cli/dev/cluster.ts')
    const create = (onAllDead: () => void): DevCluster =>
      new DevCluster({
        path: resolve(flags['data-dir']),
        program: resolve(this.config.root, 'bin', 'run.js'),
        nodes: flags.nodes === undefined ? undefined : Number(flags.nodes),
        basePort: flags['base-port'],
        fresh: flags.fresh,
        restart: !flags['no-restart'],
        set: flags.set ?? [],
        say: (text) => process.stderr.write(`${text}\n`),
        onAllDead,
      })
    await runDev(create, {
      root: this.config.root,
      dataDir: flags['data-dir'],
      asJson: this.jsonEnabled(),
    })
  }
}
