import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Bench, put, toKey } from '../machine/fixtures.ts'
import { benchBackup } from './bench-backup.ts'

/** Removed with the test. */
export function scratchFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'paxos-backup-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const written = 300
const deleted = 10
/** The deletions say who wanted them. */
export const sampleAudited = deleted
export const sample = {
  clusterId: 'old-cluster',
  keys: written - deleted,
  /** Each key is written twice, and some are deleted. */
  revision: 2 * written + deleted,
  history: written + deleted,
  sessions: 1,
} as const

/** A backup of a machine's data on a real store: keys of any bytes, history, a session with replies; several chunks. */
export async function sampleBackup(folder: string): Promise<Uint8Array> {
  const bench = new Bench()
  bench.barrier()
  bench.one({ kind: 'openSession', ttlMs: 60_000 })
  for (let seq = 1; seq <= 2 * written; seq++) {
    bench.one(put(keyOf(seq % written), `value ${seq} `.repeat(1 + (seq % 20))), { id: 1, seq, ackedBelow: 1 })
  }
  for (let n = 0; n < deleted; n++) bench.by('ann', { kind: 'delete', key: toKey(keyOf(n)), ifVersion: undefined })
  const origin = { program: '0.1.0', clusterId: sample.clusterId, node: 'n1', group: '0', epoch: 1 }
  const made = { consistency: 'linearizable', createdAt: '2026-01-01T00:00:00.000Z' } as const
  const frames: Uint8Array[] = []
  for await (const frame of benchBackup(bench, folder, { ...origin, ...made })) frames.push(frame)
  return Buffer.concat(frames)
}

function keyOf(n: number): string {
  return `key/${String(n).padStart(5, '0')}\0\xff`
}
