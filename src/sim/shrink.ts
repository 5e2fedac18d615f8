import { ambushKinds } from './fault-points.ts'
import { noAudit, noRecovery, noRestore, type SimOptions } from './options.ts'
import type { SimResult } from './simulator.ts'

/** Fault by fault, what a smaller schedule would do without. Each gives simpler options, or the same if there is nothing to drop. */
const simplifications: readonly ((options: SimOptions) => SimOptions)[] = [
  ...(['loss', 'duplicate', 'tail', 'partitionEveryMs', 'flap', 'clogEveryMs'] as const).map(
    (key) => (o: SimOptions) => ({
      ...o,
      network: { ...o.network, [key]: 0 },
    }),
  ),
  ...(
    [
      'crashBeforeCommit',
      'crashAfterCommit',
      'crashBeforeSend',
      'crashAfterSend',
      'crashEveryMs',
      'pauseEveryMs',
      'slow',
      'stopEveryMs',
      'ambushEveryMs',
      'ambushElected',
    ] as const
  ).map((key) => (o: SimOptions) => ({ ...o, process: { ...o.process, [key]: 0 } })),
  ...(['delayed', 'failed', 'corruptVote', 'keepUnsynced', 'stateLost', 'fullEveryMs'] as const).map(
    (key) => (o: SimOptions) => ({ ...o, disk: { ...o.disk, [key]: 0 } }),
  ),
  ...(['drift', 'wallJumpEveryMs', 'suspendEveryMs'] as const).map((key) => (o: SimOptions) => ({
    ...o,
    clock: { ...o.clock, [key]: 0 },
  })),
  ...(['sessions', 'reads', 'staleReads', 'transactions', 'deletes', 'compactions'] as const).map(
    (key) => (o: SimOptions) => ({ ...o, workload: { ...o.workload, [key]: 0 } }),
  ),
  ...ambushKinds.map((kind) => (o: SimOptions) => ({
    ...o,
    process: { ...o.process, ambushes: o.process.ambushes.filter((other) => other !== kind) },
  })),
  (o) => ({ ...o, operator: { handOverEveryMs: 0, takeOverEveryMs: 0 } }),
  (o) => ({ ...o, operator: { ...o.operator, takeOverEveryMs: 0 } }),
  (o) => ({ ...o, restore: noRestore }),
  (o) => ({ ...o, audit: noAudit }),
  (o) => ({ ...o, audit: { ...o.audit, origins: 0 } }),
  (o) => ({ ...o, recovery: noRecovery }),
  ...(['apartMs', 'aloneMs', 'interrupted', 'returns'] as const).map((key) => (o: SimOptions) => ({
    ...o,
    recovery: { ...o.recovery, [key]: 0 },
  })),
  (o) => ({ ...o, changes: { everyMs: 0, spares: 0 } }),
  (o) => ({ ...o, changes: { ...o.changes, spares: 0 } }),
  (o) => ({ ...o, workload: { ...o.workload, settled: 0, apart: 0, alert: 0 } }),
  (o) => ({ ...o, workload: { ...o.workload, clients: Math.max(1, Math.floor(o.workload.clients / 2)) } }),
  (o) => ({ ...o, workload: { ...o.workload, keys: 1 } }),
  (o) => ({ ...o, workload: { ...o.workload, meanThinkMs: o.workload.meanThinkMs * 2 } }),
  (o) => ({ ...o, limits: { ...o.limits, logSlotsKeptMax: 10_000, logBytesKeptMax: 128 * 1024 * 1024 } }),
  (o) => ({ ...o, limits: { ...o.limits, openSlotsMax: 4096, messageBytesMax: 1024 * 1024 } }),
]

/** Attempts of one shrink; each is a run. */
const triesMax = 150

/**
 * Looks for a simpler run with the same broken check: shorter, with fewer kinds of faults, with other seeds of the same
 * options. Greedy, deterministic and bounded. Returns the smallest failing result that it met.
 */
export function shrink(failed: SimResult, run: (options: SimOptions) => SimResult): SimResult {
  let best = failed
  let tries = 0
  const attempt = (options: SimOptions): boolean => {
    if (tries >= triesMax) return false
    tries++
    const result = run(options)
    if (result.failure?.check !== best.failure?.check || result.events >= best.events) return false
    best = result
    return true
  }
  const shorten = (): boolean => {
    const atMs = best.failure?.atMs ?? best.options.durationMs
    return atMs < best.options.durationMs && attempt({ ...best.options, durationMs: Math.ceil(atMs) + 1 })
  }
  shorten()
  for (let changed = true; changed && tries < triesMax; ) {
    changed = false
    for (const simplify of simplifications) {
      const simpler = simplify(best.options)
      if (JSON.stringify(simpler) === JSON.stringify(best.options)) continue
      if (attempt(simpler)) changed = true
    }
    // Another seed may fail sooner under the same faults.
    for (let other = 1; other <= 8; other++) {
      if (attempt({ ...best.options, seed: best.options.seed + other * 1_000_003 })) changed = true
    }
    if (shorten()) changed = true
  }
  return best
}
