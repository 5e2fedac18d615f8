/** A bounded share of `npm run chaos`: one seed, the same faults, everything judged. */
import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runChaos } from './chaos.ts'

const seed = 7
const durationMs = 12_000

test('a cluster that is killed, paused, cut apart and given bad disks and clocks keeps every promise to its clients', async () => {
  const saveTo = join(tmpdir(), `paxos-chaos-test-${process.pid}`)
  const report = await runChaos({ seed, durationMs, nodes: 3, saveTo })
  assert.deepEqual(report.problems, [], `see ${saveTo}`)
  assert.ok((report.faults['kill'] ?? 0) >= 3, `only ${report.faults['kill']} kills`)
  const reached = Object.values(report.failpoints).filter((hits) => hits > 0).length
  assert.ok(reached >= 3, `only ${reached} failpoints`)
  assert.ok((report.faults['clock-jump'] ?? 0) > 0, 'no clock jumped')
  assert.ok(report.acknowledgedWrites > 100, `only ${report.acknowledgedWrites} writes`)
  assert.equal(report.slotsUnread, 0)
})
