/** Which versions run, which feature levels they understand, and whether the cluster's level may rise. */
import type { FeatureLevelsJson, StatusJson } from '../../wire/api-types.ts'
import type { MemberAnswer } from '../member-answers.ts'
import { type Column, table, unknown } from '../output.ts'
import { inWords, type MaintenanceRecord } from '../rolling/maintenance.ts'

export interface UpgradeRow {
  readonly name: string
  readonly version: string | null
  readonly understands: FeatureLevelsJson | null
}

export interface UpgradeView {
  readonly clusterId: string
  /** The level that the cluster is at. */
  readonly featureLevel: number
  /** The level that finalizing would bring: the highest that every member understands. */
  readonly highestLevel: number
  readonly versions: readonly string[]
  readonly nodes: readonly UpgradeRow[]
  /** What keeps the level from rising to what the newest member understands, one sentence each. */
  readonly blockers: readonly string[]
  /** Null also when the cluster cannot be asked now. */
  readonly maintenance: MaintenanceRecord | null
}

export function upgradeView(
  { clusterId, groups }: StatusJson,
  answers: readonly MemberAnswer[],
  maintenance: MaintenanceRecord | undefined,
): UpgradeView {
  const featureLevel = groups[0]?.featureLevel ?? 1
  const nodes = answers.map(
    ({ name, status }): UpgradeRow => ({
      name,
      version: status?.node.version ?? null,
      understands: status?.node.featureLevels ?? null,
    }),
  )
  const known = nodes.flatMap(({ understands }) => (understands === null ? [] : [understands.max]))
  const newest = Math.max(featureLevel, ...known)
  const blockers = nodes.flatMap(({ name, version, understands }) => {
    if (understands === null) return [`${name} does not answer`]
    return understands.max < newest ? [`${name} runs ${version}, which understands level ${understands.max}`] : []
  })
  return {
    clusterId,
    featureLevel,
    highestLevel: known.length < nodes.length ? featureLevel : Math.max(featureLevel, Math.min(...known)),
    versions: [...new Set(nodes.flatMap(({ version }) => version ?? []))].sort(),
    nodes,
    blockers: newest > featureLevel ? blockers : [],
    maintenance: maintenance ?? null,
  }
}

export function renderUpgrade(view: UpgradeView): string {
  const columns: Column<UpgradeRow>[] = [
    { title: 'NODE', value: ({ name }) => name },
    { title: 'VERSION', value: ({ version }) => version ?? unknown },
    { title: 'UNDERSTANDS', value: ({ understands }) => (understands === null ? unknown : range(understands)) },
  ]
  const lines = [`cluster ${view.clusterId}, feature level ${view.featureLevel}`, table(view.nodes, columns)]
  if (view.maintenance !== null) lines.push(inWords(view.maintenance))
  return [...lines, verdict(view)].join('\n')
}

function verdict({ versions, featureLevel, highestLevel, blockers }: UpgradeView): string {
  if (versions.length > 1) return `two versions run side by side: ${versions.join(', ')}`
  if (blockers.length > 0) return `level ${featureLevel} stays: ${blockers.join('; ')}`
  if (highestLevel > featureLevel) {
    return `every node understands level ${highestLevel}: \`paxos upgrade finalize\` ends the upgrade, and there is no way back then`
  }
  return 'nothing to upgrade or to finalize'
}

function range({ min, max }: FeatureLevelsJson): string {
  return min === max ? `level ${max}` : `levels ${min} to ${max}`
}
