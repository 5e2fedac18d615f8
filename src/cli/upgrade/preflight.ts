/** Whether an upgrade may begin: what is wrong now would be worse in the middle of it. */
import { featureHint, featureProblem } from '../../protocol/feature-level.ts'
import { answering, type ClusterFacts, leaderOf } from '../doctor/cluster-facts.ts'
import { judge } from '../doctor/examine-cluster.ts'
import { inWords, type MaintenanceRecord } from '../rolling/maintenance.ts'
import { stopMargin } from '../stop-margin.ts'

export interface PreflightCheck {
  readonly name: 'health' | 'margins' | 'epoch' | 'versions' | 'disk' | 'maintenance'
  readonly ok: boolean
  /** What was seen, or what is wrong. */
  readonly message: string
}

export interface PreflightInput {
  readonly facts: ClusterFacts
  readonly maintenance: MaintenanceRecord | undefined
  /** The nodes are to run the version that this program is. */
  readonly isOurVersion: boolean
}

export function preflight(input: PreflightInput): readonly PreflightCheck[] {
  return [health(input), margins(input), epoch(input), versions(input), disk(input), noMaintenance(input)]
}

/** Two versions side by side are what an upgrade is; the disk has a check of its own. */
const judgedElsewhere = new Set<string>(['VERSION_MIX', 'DISK_FULL', 'DISK_LOW', 'DISK_FILLING'])

/** A warning is told and no reason to wait: a slow disk is slow after the upgrade too. */
function health({ facts }: PreflightInput): PreflightCheck {
  const { findings, examined } = judge(facts)
  const wrong = findings.filter(({ id, severity }) => severity !== 'info' && !judgedElsewhere.has(id))
  const ok = wrong.every(({ severity }) => severity === 'warning')
  const message = wrong.map(({ id, subject, message: text }) => `${id} (${subject}): ${text}`).join('; ')
  if (wrong.length === 0) return check('health', true, `${examined.join(', ')} are well`)
  return check('health', ok, ok ? `only warnings: ${message}` : message)
}

function margins({ facts }: PreflightInput): PreflightCheck {
  const status = leaderOf(facts)?.status
  if (status === undefined) return check('margins', false, 'Nobody leads')
  const short = facts.roster.map(({ name }) => stopMargin(status, name)).filter(({ okToStop }) => !okToStop)
  const [first] = short
  return first === undefined
    ? check('margins', true, 'each node may be taken down alone')
    : check('margins', false, `${short.map(({ member }) => member).join(', ')} may not be taken down: ${first.reason}`)
}

function epoch({ facts }: PreflightInput): PreflightCheck {
  const epochs = new Set(answering(facts).map(({ status }) => status?.groups[0]?.epoch ?? 0))
  const known = [...epochs].sort((a, b) => a - b).join(', ')
  return check('epoch', epochs.size === 1, epochs.size === 1 ? `all are in epoch ${known}` : `epochs differ: ${known}`)
}

function versions({ facts, isOurVersion }: PreflightInput): PreflightCheck {
  const members = answering(facts)
  const level = Math.max(1, ...members.map(({ status }) => status?.groups[0]?.featureLevel ?? 1))
  const seen = [...new Set(members.flatMap(({ status }) => status?.node.version ?? []))].sort()
  // What another version understands, only that one knows.
  const unable = isOurVersion ? featureProblem(level) : undefined
  if (unable !== undefined) return check('versions', false, `${unable}. ${featureHint(level)}`)
  return check(
    'versions',
    true,
    `feature level ${level}; ${seen.join(' and ')} ${seen.length === 1 ? 'runs' : 'run'} now`,
  )
}

/** A node that starts may write a good part of its state again, and the log grows while a member is away. */
const freeShareMin = 0.1

function disk({ facts }: PreflightInput): PreflightCheck {
  const tight = answering(facts).flatMap(({ name, diagnosis }) => {
    if (diagnosis === undefined) return []
    const { freeBytes, totalBytes } = diagnosis.disk
    return freeBytes < freeShareMin * totalBytes ? [`${name} has ${percent(freeBytes, totalBytes)} free`] : []
  })
  const wanted = `at least ${freeShareMin * 100} % of each disk is free`
  return check(
    'disk',
    tight.length === 0,
    tight.length === 0 ? wanted : `${tight.join(', ')}; ${freeShareMin * 100} % are wanted`,
  )
}

function noMaintenance({ maintenance }: PreflightInput): PreflightCheck {
  return check(
    'maintenance',
    maintenance === undefined,
    maintenance === undefined ? 'none is under way' : inWords(maintenance),
  )
}

function check(name: PreflightCheck['name'], ok: boolean, message: string): PreflightCheck {
  return { name, ok, message }
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`
}
