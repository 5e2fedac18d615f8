import { PaxosError } from '../../base/error.ts'
import { loadNodeConfig } from '../../daemon/config.ts'
import type { NodeConfig } from '../../daemon/config-table.ts'

export interface MemberFlags {
  /** `NAME=DIR`, one for each member. */
  readonly dataDirs: readonly string[]
  /** Configuration files as `paxos node start` takes them, one for each member; instead of `dataDirs`. */
  readonly files: readonly string[]
  /** What every member has in common, by the names of the settings. */
  readonly common: Readonly<Record<string, string | undefined>>
}

/** The members to prepare, configured by the rules of `paxos node start`. Throws PaxosError USAGE, BAD_CONFIG. */
export function memberConfigs(flags: MemberFlags, env: NodeJS.ProcessEnv, cwd: string): readonly NodeConfig[] {
  const { dataDirs, files, common } = flags
  if (files.length > 0) return files.map((file) => loadNodeConfig({ settings: common, set: [], file }, env, cwd))
  return dataDirs.map((pair) => {
    const [name, dataDir] = splitPair(pair)
    return loadNodeConfig({ settings: { ...common, name, dataDir }, set: [], file: undefined }, env, cwd)
  })
}

function splitPair(pair: string): readonly [name: string, dataDir: string] {
  const at = pair.indexOf('=')
  if (at > 0 && at < pair.length - 1) return [pair.slice(0, at), pair.slice(at + 1)]
  throw new PaxosError('USAGE', `--data-dir ${pair} does not say whose directory it is`, {
    hint: 'Write --data-dir NAME=DIR, once for each member to prepare: --data-dir n1=/var/lib/paxos/n1.',
  })
}
