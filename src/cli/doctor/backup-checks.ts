import type { DiagnosisJson } from '../../wire/api-types.ts'
import type { Finding } from './finding.ts'

const hourMs = 3_600_000

/** Of the backups that a node makes by itself. */
export function backupFindings(subject: string, { backups, node }: DiagnosisJson): readonly Finding[] {
  if (backups === null) return []
  const { directory, everyMs, ageMs, failures, lastFailure } = backups
  const newest = ageMs === null ? 'there is none' : `the newest is ${hours(ageMs)} old`
  const evidence = `${newest}; one is due every ${hours(everyMs)}; ${failures} could not be made since the node started`
  if (lastFailure !== null) {
    return [
      {
        id: 'BACKUP_FAILING',
        severity: 'warning',
        subject,
        message: `Its last backup into ${directory} could not be made: ${lastFailure}`,
        evidence,
        fix: `on ${subject}: look at ${directory}: is it there, writable, and not full? Meanwhile: paxos backup create FILE`,
      },
    ]
  }
  // A node that has just started has not had the time for one.
  const waitedMs = ageMs ?? node.uptimeMs
  if (waitedMs <= 2 * everyMs) return []
  return [
    {
      id: 'BACKUP_OVERDUE',
      severity: 'warning',
      subject,
      message: `Its newest backup in ${directory} is older than it should ever be`,
      evidence,
      fix: `on ${subject}: look for "backup" in its log; meanwhile: paxos backup create FILE`,
    },
  ]
}

function hours(ms: number): string {
  return ms < hourMs ? `${Math.round(ms / 60_000)} min` : `${(ms / hourMs).toFixed(1)} h`
}
