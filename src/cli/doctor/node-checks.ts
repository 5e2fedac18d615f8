import type { DiagnosisJson } from '../../wire/api-types.ts'
import { backupFindings } from './backup-checks.ts'
import { answering, type ClusterFacts } from './cluster-facts.ts'
import { diskFindings } from './disk-checks.ts'
import type { Finding } from './finding.ts'
import { permissionFindings } from './permission-checks.ts'
import { quotaFindings } from './quota-checks.ts'

/** Fewer flushes say nothing of a disk. */
const flushesMin = 20
const flushMsMax = 50
const stalledSecondsMax = 3

/** What each member says of itself. */
export function nodeFindings(facts: ClusterFacts): readonly Finding[] {
  return answering(facts).flatMap(({ name, diagnosis }) => {
    if (diagnosis === undefined) return []
    const { directory, disk, state, settings } = diagnosis
    return [
      ...slowFlush(name, diagnosis),
      ...loopLag(name, diagnosis),
      ...diskFindings(name, disk, settings['limits.freeSpaceMinBytes'] ?? 0),
      ...quotaFindings(name, state, settings['limits.stateBytesMax'] ?? 0),
      ...backupFindings(name, diagnosis),
      ...permissionFindings({ subject: name, ...directory }),
    ]
  })
}

function slowFlush(subject: string, { flush, directory }: DiagnosisJson): Finding[] {
  const { count, p99Ms, maxMs } = flush
  if (count < flushesMin || p99Ms === null || p99Ms <= flushMsMax) return []
  return [
    {
      id: 'SLOW_FLUSH',
      severity: 'warning',
      subject,
      message: 'Its disk is slow to make votes durable, and every write waits for a quorum of disks',
      evidence: `99 % of ${count} flushes within ${round(p99Ms)} ms, the longest ${round(maxMs ?? p99Ms)} ms; over ${flushMsMax} ms is slow`,
      fix: `on ${subject}: iostat -x 1 5; what else writes to the disk of ${directory.path}?`,
    },
  ]
}

function loopLag(subject: string, { loop, settings, node }: DiagnosisJson): Finding[] {
  const electionTimeoutMs = settings['electionTimeoutMs'] ?? Number.POSITIVE_INFINITY
  const isLong = loop.maxMs > electionTimeoutMs
  if (loop.stalledSeconds < stalledSecondsMax && !isLong) return []
  return [
    {
      id: 'LOOP_LAG',
      severity: 'warning',
      subject,
      message: isLong
        ? 'The process stood still for longer than electionTimeoutMs: a leader loses its followers'
        : 'The process does not get the processor when it needs it',
      evidence: `stalls in ${loop.stalledSeconds} seconds of the last minute, the longest ${round(loop.maxMs)} ms`,
      fix: `on ${subject}: top -H -p ${node.pid}; then fewer clients, a faster processor, or a longer electionTimeoutMs`,
    },
  ]
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10
}
