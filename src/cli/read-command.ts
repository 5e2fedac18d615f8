/** Where reading commands look: at a cluster, or into the data directory of a stopped node. */
import * as Flags from '@oclif/core/flags'
import type { PaxosClient } from '../client/client.ts'
import type { StatusJson } from '../wire/api-types.ts'
import { ClusterCommand, type ConnectionFlags } from './cluster-command.ts'
import { firstAnswer } from './first-answer.ts'

export type KeyReader = Pick<PaxosClient, 'get' | 'list'>

/** It excludes no --endpoints: those may come from the environment. */
export const stoppedFlags = {
  'data-dir': Flags.string({
    summary: 'Read this directory of a stopped node.',
    helpValue: '<dir>',
  }),
}

export interface StoppedFlags {
  readonly 'data-dir'?: string | undefined
}

export abstract class ReadCommand extends ClusterCommand {
  // oclif stops looking for inherited settings at a class that has none of its own.
  static override enableJsonFlag = true

  /** Of the first endpoint that answers among the first so many, or of a stopped node. */
  protected async status(
    flags: ConnectionFlags & StoppedFlags,
    endpointsMax = Number.POSITIVE_INFINITY,
  ): Promise<StatusJson> {
    const path = flags['data-dir']
    if (path !== undefined) {
      const { readStoppedNode } = await import('./stopped-node.ts')
      return (await readStoppedNode(path)).status
    }
    const { admin, endpoints } = await this.admin(flags)
    return (await firstAnswer(endpoints.slice(0, endpointsMax), (endpoint) => admin.status(endpoint))).answer
  }

  protected async reader(flags: ConnectionFlags & StoppedFlags): Promise<KeyReader> {
    const path = flags['data-dir']
    if (path === undefined) return await this.client(flags)
    const { StoppedKeys } = await import('./stopped-keys.ts')
    const keys = await StoppedKeys.open(path)
    this.onEnd(() => keys.close())
    this.remark(`as of slot ${keys.appliedUpTo}, when node ${keys.member} stopped`)
    return keys
  }
}
