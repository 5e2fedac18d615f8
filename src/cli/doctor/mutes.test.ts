import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { addMute, mutesPath, readMutes, removeMute } from './mutes.ts'
import { reportOf } from './report.ts'

const folder = mkdtempSync(join(tmpdir(), 'paxos-mutes-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('a mute holds until its time is over, for its cluster and finding', async () => {
  const path = mutesPath({ XDG_CONFIG_HOME: join(folder, 'a') })
  assert.equal(path, join(folder, 'a', 'paxos', 'mutes.json'))
  assert.deepEqual(await readMutes(path, 0), [])
  const mute = { clusterId: 'c1', id: 'DISK_LOW', untilMs: 2000 } as const
  assert.deepEqual(await addMute(path, mute, 1000), [mute])
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(await readMutes(path, 1999), [mute])
  assert.deepEqual(await readMutes(path, 2000), [])
})

test('a second mute replaces the first, what ran out is dropped, and one can be taken back', async () => {
  const path = join(folder, 'b', 'mutes.json')
  const first = { clusterId: 'c1', id: 'DISK_LOW', untilMs: 2000 } as const
  const other = { clusterId: 'c2', id: 'DISK_LOW', untilMs: 5000 } as const
  await addMute(path, first, 0)
  await addMute(path, other, 0)
  assert.deepEqual(await addMute(path, { ...first, untilMs: 3000 }, 0), [other, { ...first, untilMs: 3000 }])
  assert.deepEqual(await removeMute(path, other, 0), [{ ...first, untilMs: 3000 }])
  await addMute(path, other, 4000)
  assert.doesNotMatch(readFileSync(path, 'utf8'), /c1/)
})

test('a file that is not ours is refused by name, not overwritten', async () => {
  for (const text of ['{', '[]', '{"mutes":[{"clusterId":"c1","id":"NO_SUCH","until":"2026-01-01T00:00:00Z"}]}']) {
    const path = join(folder, 'mutes.json')
    writeFileSync(path, text)
    await assert.rejects(readMutes(path, 0), /Cannot use .*mutes\.json/)
    await assert.rejects(addMute(path, { clusterId: 'c1', id: 'DISK_LOW', untilMs: 1 }, 0), /Cannot use/)
    assert.equal(readFileSync(path, 'utf8'), text)
  }
})

test('what is muted is shown, and does not make a cluster unhealthy; nor does what is only worth knowing', () => {
  const finding = { id: 'DISK_LOW', severity: 'warning', subject: 'n1', message: 'm', evidence: 'e', fix: 'f' } as const
  const examined = { clusterId: 'c1', examined: ['n1'], findings: [finding] }
  assert.equal(reportOf(examined, []).healthy, false)
  const muted = reportOf(examined, [{ clusterId: 'c1', id: 'DISK_LOW', untilMs: 1000 }])
  assert.equal(muted.healthy, true)
  assert.equal(muted.findings[0]?.mutedUntil, '1970-01-01T00:00:01.000Z')
  assert.equal(reportOf(examined, [{ clusterId: 'c2', id: 'DISK_LOW', untilMs: 1000 }]).healthy, false)
  assert.equal(reportOf(examined, [{ clusterId: 'c1', id: 'DISK_FULL', untilMs: 1000 }]).healthy, false)
  assert.equal(reportOf({ ...examined, findings: [{ ...finding, severity: 'info' }] }, []).healthy, true)
})
