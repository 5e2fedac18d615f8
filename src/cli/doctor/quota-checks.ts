import type { DiagnosisJson } from '../../wire/api-types.ts'
import { formatSize } from '../format-size.ts'
import { hoursInWords } from './disk-checks.ts'
import type { Finding } from './finding.ts'

const dayMs = 24 * 3_600_000
/** As in the node, which warns from here on, and takes writes again only below `reopenShare`. */
const warnShare = 0.8
const reopenShare = 0.95

/** What of its quota a node's data takes; `maxBytes` 0 is none. */
export function quotaFindings(subject: string, state: DiagnosisJson['state'], maxBytes: number): readonly Finding[] {
  if (maxBytes === 0) return []
  const { usedBytes, growthBytesPerSecond } = state
  const share = usedBytes / maxBytes
  const evidence = `${formatSize(usedBytes)} of ${formatSize(maxBytes)} used, ${Math.round(share * 100)} %`
  const fix = `paxos space; then delete keys and paxos log compact --keep 1000, or raise limits.stateBytesMax on every member`
  if (share >= 1) {
    const message = 'The data has reached its quota: a leader refuses writes'
    const again = `writes are taken again below ${formatSize(reopenShare * maxBytes)}`
    return [{ id: 'QUOTA_REACHED', severity: 'error', subject, message, evidence: `${evidence}; ${again}`, fix }]
  }
  const leftMs = growthBytesPerSecond ? ((maxBytes - usedBytes) / growthBytesPerSecond) * 1000 : Number.NaN
  const isSoon = leftMs >= 0 && leftMs <= dayMs
  if (share < warnShare && !isSoon) return []
  const message = isSoon
    ? `The data reaches its quota in ${hoursInWords(leftMs)} at this rate`
    : 'The data nears its quota'
  return [{ id: 'QUOTA_NEAR', severity: 'warning', subject, message, evidence, fix }]
}
