import type { DiskJson } from '../../wire/api-types.ts'
import { formatSize } from '../format-size.ts'
import type { Finding } from './finding.ts'

const dayMs = 24 * 3_600_000

/** `freeMinBytes` is where the node refuses writes. */
export function diskFindings(
  subject: string,
  disk: DiskJson & { readonly lossBytesPerSecond?: number | null },
  freeMinBytes: number,
): readonly Finding[] {
  const { freeBytes, totalBytes, acceptorBytes, stateBytes, lossBytesPerSecond } = disk
  const evidence = `${formatSize(freeBytes)} of ${formatSize(totalBytes)} free; its files: ${formatSize(acceptorBytes + stateBytes)}; writes are refused below ${formatSize(freeMinBytes)}`
  const finding = (id: Finding['id'], severity: Finding['severity'], message: string, seen = evidence): Finding[] => [
    {
      id,
      severity,
      subject,
      message,
      evidence: seen,
      fix: `on ${subject}: make room, or give the data directory a larger disk`,
    },
  ]
  if (freeBytes < freeMinBytes) return finding('DISK_FULL', 'error', 'The disk is full: the node refuses writes')
  // A snapshot is put together beside the data that it replaces.
  const low = freeMinBytes + Math.max(stateBytes, 3 * freeMinBytes)
  if (freeBytes < low) {
    return finding('DISK_LOW', 'warning', `The disk is nearly full: a snapshot and the log want ${formatSize(low)}`)
  }
  const leftMs = lossBytesPerSecond
    ? ((freeBytes - freeMinBytes) / lossBytesPerSecond) * 1000
    : Number.POSITIVE_INFINITY
  if (leftMs > dayMs) return []
  const rate = `it loses ${formatSize(lossBytesPerSecond ?? 0)} a second, all programs together`
  return finding(
    'DISK_FILLING',
    'warning',
    `The disk is full in ${hoursInWords(leftMs)} at this rate`,
    `${evidence}; ${rate}`,
  )
}

export function hoursInWords(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`
}
