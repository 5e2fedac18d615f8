import type { Member } from '../protocol/epoch.ts'
import type { NodeId } from '../protocol/ids.ts'
import type { DiagnosisJson, LinkJson } from '../wire/api-types.ts'
import type { BackupMetrics } from './backup/backup-schedule.ts'
import type { NodeConfig } from './config-table.ts'
import type { LoopLag } from './loop-lag.ts'
import type { PeerInfo } from './net/peer-links.ts'
import type { RecentFlushes } from './recent-flushes.ts'
import type { SpaceWatch } from './space/space-watch.ts'
import { diskOf, listFiles } from './store/directory-files.ts'

export interface DiagnosisSources {
  readonly clusterId: string
  readonly version: string
  readonly config: NodeConfig
  readonly flushes: RecentFlushes
  readonly loopLag: LoopLag
  readonly space: SpaceWatch
  /** Undefined on a node that makes no backups by itself. */
  backups(): BackupMetrics | undefined
  others(): readonly Member[]
  peerInfo(id: NodeId): PeerInfo | undefined
}

/** What this node knows of its own health. Rejects when the data directory cannot be looked at. */
export async function diagnose(sources: DiagnosisSources): Promise<DiagnosisJson> {
  const { clusterId, version, config } = sources
  const [disk, files] = await Promise.all([diskOf(config.dataDir), listFiles(config.dataDir)])
  return {
    clusterId,
    node: {
      name: config.name,
      pid: process.pid,
      version,
      runtime: process.version,
      uptimeMs: Math.round(process.uptime() * 1000),
    },
    flush: sources.flushes.summary(),
    loop: sources.loopLag.lastMinute(),
    disk: { ...disk, lossBytesPerSecond: sources.space.diskLossPerSecond ?? null },
    state: {
      usedBytes: sources.space.stateBytes,
      growthBytesPerSecond: sources.space.stateGrowthPerSecond ?? null,
    },
    backups: backupsJson(sources.backups(), config),
    directory: { path: config.dataDir, uid: process.getuid?.() ?? -1, files },
    settings: numbersOf(config),
    links: sources.others().map((member) => linkJson(member, sources.peerInfo(member.id))),
    // Last, so that it is as fresh as can be when it leaves.
    wallMs: Date.now(),
  }
}

function backupsJson(
  made: BackupMetrics | undefined,
  { backupDir, backupEvery }: NodeConfig,
): DiagnosisJson['backups'] {
  if (made === undefined || backupDir === undefined) return null
  const { ageMs, failures, lastFailure } = made
  return {
    directory: backupDir,
    everyMs: backupEvery,
    ageMs: ageMs ?? null,
    failures,
    lastFailure: lastFailure ?? null,
  }
}

/** Only numbers: names, addresses and the token are nobody's business here. */
function numbersOf({ limits, ...settings }: NodeConfig): Record<string, number> {
  const named = Object.entries(limits).map(([key, value]) => [`limits.${key}`, value] as const)
  return Object.fromEntries(
    [...Object.entries(settings), ...named].filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  )
}

function linkJson({ name }: Member, info: PeerInfo | undefined): LinkJson {
  return {
    member: name,
    connected: info?.connected ?? false,
    inbound: info?.inbound ?? false,
    version: info?.version ?? null,
    featureLevels: info?.featureLevels ?? null,
    lastError: info?.lastError ?? null,
    refusal: info?.refusal ?? null,
  }
}
