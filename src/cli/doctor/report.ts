import { count, paint, printable } from '../output.ts'
import { documentOf, type Finding, worstFirst } from './finding.ts'
import type { Mute } from './mutes.ts'

export interface ReportedFinding extends Finding {
  readonly docs: string
  /** ISO time until which it does not count; null when it does. */
  readonly mutedUntil: string | null
}

export interface DoctorReport {
  /** No finding that counts: those that are muted or only worth knowing do not. */
  readonly healthy: boolean
  /** Null when the identity of a directory cannot be read. */
  readonly clusterId: string | null
  /** Members that answered, or the directory. */
  readonly examined: readonly string[]
  readonly findings: readonly ReportedFinding[]
}

export interface Examined {
  readonly clusterId: string | null
  readonly examined: readonly string[]
  readonly findings: readonly Finding[]
}

export function reportOf({ clusterId, examined, findings }: Examined, mutes: readonly Mute[]): DoctorReport {
  const reported = worstFirst(findings).map((finding): ReportedFinding => {
    const mute = mutes.find(({ id, clusterId: of }) => id === finding.id && of === clusterId)
    return {
      ...finding,
      docs: documentOf(finding.id),
      mutedUntil: mute === undefined ? null : new Date(mute.untilMs).toISOString(),
    }
  })
  return { healthy: !reported.some(counts), clusterId, examined, findings: reported }
}

function counts({ severity, mutedUntil }: ReportedFinding): boolean {
  return severity !== 'info' && mutedUntil === null
}

/** Findings for people, the worst first, and the verdict. */
export function renderReport(report: DoctorReport): string {
  const blocks = report.findings.map(renderFinding)
  const bad = report.findings.filter(counts)
  const verdict = report.healthy
    ? paint('green', 'healthy')
    : paint('red', `unhealthy: ${count(bad.length, 'finding')}`)
  const examined = `examined: ${report.examined.join(', ') || 'nothing'}`
  return [...blocks, `${examined}\n${verdict}`].join('\n\n')
}

const styles = { error: 'red', warning: 'yellow', info: 'cyan' } as const

function renderFinding({ id, severity, subject, message, evidence, fix, docs, mutedUntil }: ReportedFinding): string {
  const label = mutedUntil === null ? severity : `${severity}, muted until ${mutedUntil}`
  return [
    `${paint(mutedUntil === null ? styles[severity] : 'dim', `${id} (${label})`)} ${printable(`${subject}: ${message}`)}`,
    `  seen  ${printable(evidence)}`,
    `  next  ${printable(fix)}`,
    `  docs  ${docs}`,
  ].join('\n')
}
