/** Every id that `paxos doctor` can report. Stable: scripts and mutes name them. Each has its section in docs/DOCTOR.md. */
export const findingIds = [
  'QUORUM_LOST',
  'QUORUM_MARGIN',
  'NO_LEADER',
  'MEMBER_UNREACHABLE',
  'OTHER_CLUSTER',
  'NOT_A_MEMBER',
  'DIVERGED',
  'MEMBER_SHUNNED',
  'MEMBER_NOT_READY',
  'MEMBER_LAGS',
  'LINK_DOWN',
  'LOG_GAPS',
  'CLOCK_SKEW',
  'SLOW_FLUSH',
  'LOOP_LAG',
  'DISK_FULL',
  'DISK_LOW',
  'DISK_FILLING',
  'QUOTA_REACHED',
  'QUOTA_NEAR',
  'VERSION_MIX',
  'CONFIG_DIFFERS',
  'BACKUP_FAILING',
  'BACKUP_OVERDUE',
  'OPEN_PERMISSIONS',
  'WRONG_OWNER',
  'DIRECTORY_REFUSED',
  'DIRECTORY_FORMAT',
  'DAMAGED_VOTES',
  'DAMAGED_STATE',
] as const
export type FindingId = (typeof findingIds)[number]

/** `error`: something does not work. `warning`: it is about to, or is wrong. `info`: worth knowing, and nothing to do. */
export type Severity = 'error' | 'warning' | 'info'

export interface Finding {
  readonly id: FindingId
  readonly severity: Severity
  /** Name of the member, or `cluster`. */
  readonly subject: string
  /** What is wrong, as one sentence. */
  readonly message: string
  /** What was seen, in numbers and names. */
  readonly evidence: string
  /** The command that mends it, or that is the next step. */
  readonly fix: string
}

export function documentOf(id: FindingId): string {
  return `docs/DOCTOR.md#${id.toLowerCase()}`
}

const order: readonly Severity[] = ['error', 'warning', 'info']

/** The worst first; otherwise as they are. */
export function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity))
}
