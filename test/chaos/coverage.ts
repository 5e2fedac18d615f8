/** What a run must at least have done. One that did less proves less, and says so instead of passing. */

export interface Done {
  readonly durationMs: number
  /** How often each kind of fault was done. */
  readonly faults: Readonly<Record<string, number>>
  /** How often each failpoint was reached. */
  readonly failpoints: Readonly<Record<string, number>>
  /** Slots that were truncated before they could be read. */
  readonly slotsUnread: number
}

/** A shorter run is a sample. */
const wholeMs = 600_000
const killsPerMinuteMin = 20
export const wantedFaults: readonly string[] = [
  ...['all-down', 'pause', 'sleep', 'terminate', 'full-disk', 'lose-state', 'lose-acceptor', 'wipe', 'restore'],
  ...['isolate', 'mute', 'deafen', 'cut-pair', 'delay', 'ends', 'resets', 'torn', 'trickle', 'loss', 'half-open'],
  ...['clock-jump', 'clock-drift'],
]

export function coverageProblems({ durationMs, faults, failpoints, slotsUnread }: Done): string[] {
  if (durationMs < wholeMs) return []
  const problems: string[] = []
  const wanted = Math.floor((durationMs / 60_000) * killsPerMinuteMin)
  const kills = faults['kill'] ?? 0
  if (kills < wanted) problems.push(`only ${kills} kills, at least ${wanted} are wanted`)
  const missed = Object.keys(failpoints).filter((name) => failpoints[name] === 0)
  if (missed.length > 0) problems.push(`failpoints that were never reached: ${missed.join(', ')}`)
  const undone = wantedFaults.filter((kind) => (faults[kind] ?? 0) === 0)
  if (undone.length > 0) problems.push(`faults that were never done: ${undone.join(', ')}`)
  if (slotsUnread > 0)
    problems.push(`${slotsUnread} slots were truncated before they were read: the log proves nothing`)
  return problems
}
