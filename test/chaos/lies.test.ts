/** A bounded share of the controls: the same run as in chaos.test.ts, shorter, with nodes that lie, must find it out. */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runChaos } from './chaos.ts'

const seed = 1
const durationMs = 4000

test('nodes that serve linearizable reads from whatever they have are found out', async (context) => {
  const saveTo = join(tmpdir(), `paxos-chaos-lie-${process.pid}`)
  context.after(() => rm(saveTo, { recursive: true, force: true }))
  const report = await runChaos({ seed, durationMs, nodes: 3, leaseMs: 0, saveTo, plant: 'stale-read' })
  assert.match(report.problems.join('\n'), /^staleRead: /m)
  assert.equal(report.ok, false)
})
