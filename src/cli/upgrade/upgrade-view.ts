/** Which versions run, which feature levels they understand, and whether the cluster's level may rise. */
import type { FeatureLevelsJson, StatusJson } from '../../wire/api-types.ts'
import type { MemberAnswer } from '../member-answers.ts'
import { type Column, table, unknown } from '../output.ts'
import { inWords, type MaintenanceRecord, nextSteps } from '../rolling/maintenance.ts'

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

/** `isAsked`: the cluster could say whether maintenance is under way. `silence`: why nothing is known of a version. */
export function renderUpgrade(view: UpgradeView, isAsked: boolean, silence = 'no answer'): string {
  const columns: Column<UpgradeRow>[] = [
    { title: 'NODE', value: ({ name }) => name },
    { title: 'VERSION', value: ({ version }) => version ?? unknown },
    { title: 'UNDERSTANDS', value: ({ understands }) => (understands === null ? unknown : range(understands)) },
  ]
  const lines = [`cluster ${view.clusterId}, feature level ${view.featureLevel}`, table(view.nodes, columns)]
  return [...lines, ...verdict(view, isAsked, silence)].join('\n')
}

/** One line each. Nothing is known to be at its end while it is under way, or nobody can say whether it is. */
function verdict(view: UpgradeView, isAsked: boolean, silence: string): readonly string[] {
  const { versions, maintenance, nodes } = view
  const lines = versions.length > 1 ? [`two versions run side by side: ${versions.join(', ')}`] : []
  if (maintenance !== null) {
    const gone = maintenance.state === 'paused' ? '' : 'if nobody runs it any more: '
    return [...lines, inWords(maintenance), `${gone}${nextSteps(maintenance)}`]
  }
  if (lines.length > 0) return lines
  const level = aboutLevel(view)
  if (level !== undefined) return [level]
  const silent = nodes.flatMap(({ name, version }) => (version === null ? [name] : []))
  if (silent.length > 0) return [`which version runs is not known of ${silent.join(', ')}: ${silence}`]
  return isAsked ? ['nothing to upgrade or to finalize'] : []
}

function aboutLevel({ featureLevel, highestLevel, blockers }: UpgradeView): string | undefined {
  if (blockers.length > 0) return `level ${featureLevel} stays: ${blockers.join('; ')}`
  if (highestLevel > featureLevel) {
    return `every node understands level ${highestLevel}: \`paxos upgrade finalize\` ends the upgrade, and there is no way back then`
  }
  return undefined
}

function range({ min, max }: FeatureLevelsJson): string {
  return min === max ? `level ${max}` : `levels ${min} to ${max}`
}
