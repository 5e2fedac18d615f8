import * as Flags from '@oclif/core/flags'
import type { AdminClient } from '../client/admin.ts'
import type { PaxosClient } from '../client/client.ts'
import { BaseCommand } from './base-command.ts'
import { type ClientConfig, loadClientConfig } from './client-config.ts'
import { duration } from './flags.ts'

export interface ConnectionFlags {
  readonly endpoints?: string | undefined
  readonly timeout?: number | undefined
  readonly config?: string | undefined
  readonly actor?: string | undefined
}

/** A command that talks to a cluster. Clients are loaded and connected when they are asked for, and closed at the end. */
export abstract class ClusterCommand extends BaseCommand {
  static override baseFlags = {
    ...BaseCommand.baseFlags,
    endpoints: Flags.string({
      summary: 'Nodes to ask, separated by commas: http://HOST:PORT or unix:/path/paxos.sock.',
      helpGroup: 'CONNECTION',
      helpValue: '<url,…>',
      env: 'PAXOS_ENDPOINTS',
    }),
    timeout: duration({ summary: 'Longest wait for an answer [default: 10s].', helpGroup: 'CONNECTION' }),
    config: Flags.string({
      summary: 'Configuration file, instead of paxos.yaml where you are.',
      helpGroup: 'CONNECTION',
      helpValue: '<file>',
      env: 'PAXOS_CONFIG',
    }),
    actor: Flags.string({
      summary: "Who you say that you are, for the cluster's audit trail [default: user@host].",
      helpGroup: 'CONNECTION',
      helpValue: '<name>',
      env: 'PAXOS_ACTOR',
    }),
  }

  protected connection(flags: ConnectionFlags): Promise<ClientConfig> {
    const { endpoints, timeout, config } = flags
    return loadClientConfig({ endpoints, timeoutMs: timeout, file: config }, process.cwd())
  }

  /** A client for keys. One-shot commands need no session: it would cost two more writes. */
  protected async client(
    flags: ConnectionFlags,
    options: { readonly session?: boolean; readonly maxInFlight?: number } = {},
  ): Promise<PaxosClient> {
    const { endpoints, timeoutMs } = await this.connection(flags)
    const { PaxosClient } = await import('../client/client.ts')
    const client = new PaxosClient({ endpoints, timeoutMs, session: false, actor: flags.actor, ...options })
    this.onEnd(() => client.close())
    return client
  }

  protected async admin(flags: ConnectionFlags): Promise<{ admin: AdminClient; endpoints: readonly string[] }> {
    const { endpoints, timeoutMs } = await this.connection(flags)
    const { AdminClient } = await import('../client/admin.ts')
    const admin = new AdminClient({ timeoutMs, actor: flags.actor })
    this.onEnd(() => admin.close())
    return { admin, endpoints }
  }
}
