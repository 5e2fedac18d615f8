import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backupFindings } from '../../src/cli/doctor/backup-checks.ts'
import { type DirectoryFacts, directoryFindings } from '../../src/cli/doctor/directory-checks.ts'
import { nodeFindings } from '../../src/cli/doctor/node-checks.ts'
import type { DiagnosisJson, FileJson } from '../../src/wire/api-types.ts'
import { brief, clusterOf, diagnosisOf, gib } from './facts.ts'

function ofNode(changes: Partial<DiagnosisJson>): ReturnType<typeof nodeFindings> {
  return nodeFindings(clusterOf({ n3: { diagnosis: diagnosisOf('n3', changes) } }))
}

test('flushes are slow above 50 ms, if there were enough of them', () => {
  assert.deepEqual(brief(ofNode({ flush: { count: 20, p99Ms: 51, maxMs: 80 } })), ['SLOW_FLUSH warning n3'])
  assert.deepEqual(ofNode({ flush: { count: 19, p99Ms: 510, maxMs: 800 } }), [])
  assert.deepEqual(ofNode({ flush: { count: 20, p99Ms: 50, maxMs: 800 } }), [])
  assert.deepEqual(ofNode({ flush: { count: 0, p99Ms: null, maxMs: null } }), [])
})

test('the loop lags when it stalls often, or for longer than an election timeout', () => {
  assert.deepEqual(brief(ofNode({ loop: { maxMs: 120, stalledSeconds: 3 } })), ['LOOP_LAG warning n3'])
  assert.deepEqual(ofNode({ loop: { maxMs: 499, stalledSeconds: 2 } }), [])
  const [finding] = ofNode({ loop: { maxMs: 501, stalledSeconds: 1 } })
  assert.match(finding?.message ?? '', /electionTimeoutMs/)
})

test('a disk is full, nearly full, or full soon', () => {
  const disk = diagnosisOf('n3').disk
  const free = (freeBytes: number, more: Partial<DiagnosisJson['disk']> = {}) =>
    brief(ofNode({ disk: { ...disk, freeBytes, ...more } }))
  assert.deepEqual(free(gib / 16 - 1), ['DISK_FULL error n3'])
  assert.deepEqual(free(gib / 16), ['DISK_LOW warning n3'])
  assert.deepEqual(free(gib / 4), [])
  assert.deepEqual(free(2 * gib, { stateBytes: 2 * gib }), ['DISK_LOW warning n3'])
  assert.deepEqual(free(3 * gib, { stateBytes: 2 * gib }), [])
  // A day for 10 GiB is 124,000 bytes a second.
  assert.deepEqual(free(10 * gib, { lossBytesPerSecond: 130_000 }), ['DISK_FILLING warning n3'])
  assert.deepEqual(free(10 * gib, { lossBytesPerSecond: 100_000 }), [])
  assert.deepEqual(free(10 * gib, { lossBytesPerSecond: null }), [])
  const [filling] = ofNode({ disk: { ...disk, freeBytes: gib, lossBytesPerSecond: 1e6 } })
  assert.match(filling?.message ?? '', /full in 17 minutes/)
})

test('data has reached its quota, nears it, or does so soon', () => {
  const settings = { ...diagnosisOf('n3').settings, 'limits.stateBytesMax': gib }
  const of = (usedBytes: number, growthBytesPerSecond: number | null = null) =>
    ofNode({ settings, state: { usedBytes, growthBytesPerSecond } })
  assert.deepEqual(brief(of(gib)), ['QUOTA_REACHED error n3'])
  assert.match(of(gib)[0]?.evidence ?? '', /^1.0 GiB of 1.0 GiB used, 100 %; writes are taken again below 973 MiB$/)
  assert.deepEqual(brief(of(0.8 * gib)), ['QUOTA_NEAR warning n3'])
  assert.deepEqual(of(0.79 * gib), [])
  assert.deepEqual(of(0.79 * gib, -10_000), [])
  // 0.5 GiB within a day are 6214 bytes a second.
  assert.deepEqual(of(0.5 * gib, 6000), [])
  assert.match(of(0.5 * gib, 12_500)[0]?.message ?? '', /quota in 12 hours/)
  assert.deepEqual(ofNode({ state: { usedBytes: gib, growthBytesPerSecond: 1e6 } }), [])
})

test('backups that a node makes by itself fail, or are overdue', () => {
  const backups = { directory: '/backup', everyMs: 3_600_000, ageMs: 5_400_000, failures: 0, lastFailure: null }
  const of = (changes: Partial<typeof backups> | { lastFailure: string } | { ageMs: null }, uptimeMs = 60_000) => {
    const diagnosis = diagnosisOf('n1', { backups: { ...backups, ...changes } })
    return backupFindings('n1', { ...diagnosis, node: { ...diagnosis.node, uptimeMs } }).map(({ id }) => id)
  }
  assert.deepEqual(backupFindings('n1', diagnosisOf('n1')), [])
  assert.deepEqual(of({}), [])
  assert.deepEqual(of({ lastFailure: 'ENOSPC' }), ['BACKUP_FAILING'])
  assert.deepEqual(of({ ageMs: 7_300_000 }), ['BACKUP_OVERDUE'])
  assert.deepEqual(of({ ageMs: null }), [])
  assert.deepEqual(of({ ageMs: null }, 8_000_000), ['BACKUP_OVERDUE'])
})

test('modes that let others in are a finding, with the command that closes them', () => {
  const files = (...changed: readonly FileJson[]): Partial<DiagnosisJson> => ({
    directory: { path: '/data', uid: 10, files: changed },
  })
  const file = (name: string, mode: string, uid = 10): FileJson => ({ name, kind: 'file', mode, uid })
  const [readable] = ofNode(files(file('.', '0755'), file('state.mdb', '0640'), file('acceptor.mdb-lock', '0600')))
  assert.deepEqual([readable?.id, readable?.severity], ['OPEN_PERMISSIONS', 'warning'])
  assert.equal(readable?.evidence, '/data 0755, /data/state.mdb 0640')
  assert.equal(readable?.fix, 'chmod 700 /data; chmod 600 /data/state.mdb')
  assert.deepEqual(brief(ofNode(files(file('paxos.sock', '0666')))), ['OPEN_PERMISSIONS error n3'])
  assert.deepEqual(brief(ofNode(files(file('.', '2770')))), ['OPEN_PERMISSIONS error n3'])
  assert.deepEqual(ofNode(files(file('lock.sock', '0755'), file('lost+found', '0755', 0))), [])
  const [foreign] = ofNode(files(file('.', '0700'), file('acceptor.mdb', '0600', 0)))
  assert.deepEqual([foreign?.id, foreign?.fix], ['WRONG_OWNER', 'chown 10 /data/acceptor.mdb'])
})

const whole: DirectoryFacts = {
  path: '/data',
  name: 'n1',
  clusterId: 'c',
  refusal: undefined,
  format: 1,
  formatKnown: 1,
  uid: 10,
  files: diagnosisOf('n1').directory.files,
  disk: diagnosisOf('n1').disk,
  freeMinBytes: gib / 16,
  logs: [{ epoch: 1, votes: 9, unknown: [] }],
  state: { records: 12, damaged: [] },
}

test('a whole directory has no findings', () => {
  assert.deepEqual(directoryFindings(whole), [])
})

test('damage is told apart: of votes, of the state, of what a node needs to start', () => {
  const damaged = directoryFindings({
    ...whole,
    logs: [{ epoch: 1, votes: 9, unknown: [4, 5] }],
    state: { records: 12, damaged: ['k/a\n', 'b', 'c', 'd', 'e', 'f'] },
  })
  assert.deepEqual(brief(damaged), ['DAMAGED_VOTES error n1', 'DAMAGED_STATE error n1'])
  assert.match(damaged[0]?.evidence ?? '', /epoch 1: 4, 5 of 11 slots/)
  assert.match(damaged[1]?.evidence ?? '', /6 records of 12: k\/a\\n, b, c, d, e and 1 more/)
  const refusal = { message: 'Cannot use /data: identity.json is missing', hint: 'Put it back.' }
  const refused = directoryFindings({ ...whole, name: null, clusterId: null, refusal })
  assert.deepEqual(brief(refused), ['DIRECTORY_REFUSED error /data'])
  assert.equal(refused[0]?.fix, 'Put it back.')
  assert.deepEqual(brief(directoryFindings({ ...whole, format: 2, refusal })), ['DIRECTORY_FORMAT error n1'])
})
