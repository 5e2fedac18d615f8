import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { errorCodes } from '../../src/base/error.ts'
import { limitSettings } from '../../src/daemon/config-table.ts'
import { flagsOf } from './command-flags.ts'
import { parseUnit } from './unit-file.ts'

const text = readFileSync('deploy/systemd/paxos.service', 'utf8')
const unit = parseUnit(text)
const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0

function one(name: string): string {
  const values = unit.get(name) ?? []
  assert.equal(values.length, 1, `${name} is there ${values.length} times`)
  return values[0] ?? ''
}

test('systemd takes the unit without a remark', { skip: !hasAnalyze && 'systemd-analyze is not here' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'paxos-unit-'))
  try {
    const file = join(folder, 'paxos.service')
    // It wants to find the program, which is not installed here.
    writeFileSync(file, text.replace('/usr/local/bin/paxos', process.execPath))
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
    assert.deepEqual([status, stdout, stderr], [0, '', ''])
    writeFileSync(file, text.replace('TimeoutStopSec=30', 'TimeoutStopSec=soon'))
    assert.match(spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' }).stderr, /time value.* soon/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('what does not mend itself is not restarted, and everything else is', () => {
  const wanted = new Set(
    [errorCodes.BAD_CONFIG, errorCodes.DATA_DIR_REFUSED, errorCodes.PORT_IN_USE].map((c) => c.exit),
  )
  assert.deepEqual(one('Service.RestartPreventExitStatus').split(' ').map(Number), [...wanted])
  assert.equal(one('Service.Restart'), 'always')
  assert.ok(!wanted.has(errorCodes.STORE_FAILED.exit as never), 'a failed disk is tried again')
})

test('a stop may take as long as a clean stop can', () => {
  // Five seconds for open requests, then one last commit.
  const longestMs = 5000 + (limitSettings.commitDeadlineMs.fallback ?? 0)
  assert.ok(Number(one('Service.TimeoutStopSec')) * 1000 > longestMs)
  assert.equal(one('Service.KillSignal'), 'SIGTERM')
})

test('there are enough descriptors for the connections that the limits allow', () => {
  const connections = limitSettings.clientConnectionsMax.fallback ?? 0
  assert.ok(Number(one('Service.LimitNOFILE')) > 2 * connections + 1024)
})

test('the command and its flags exist', () => {
  const [program, topic, command, ...args] = one('Service.ExecStart').split(' ')
  assert.deepEqual([program, topic, command], ['/usr/local/bin/paxos', 'node', 'start'])
  for (const flag of args.filter((arg) => arg.startsWith('--')))
    assert.ok(flagsOf('node:start').has(flag.slice(2)), flag)
})

test('the data is the own directory of an account without rights', () => {
  assert.equal(one('Service.User'), 'paxos')
  assert.equal(one('Service.StateDirectoryMode'), '0700')
  assert.match(one('Service.ExecStart'), new RegExp(`--data-dir /var/lib/${one('Service.StateDirectory')}/`))
  assert.match(readFileSync('deploy/systemd/paxos.sysusers', 'utf8'), /^u paxos - /m)
  assert.equal(one('Service.CapabilityBoundingSet'), '')
})

test('nothing is set that a node cannot live with', () => {
  for (const name of ['MemoryDenyWriteExecute', 'PrivateNetwork', 'LimitAS', 'MemoryMax', 'WatchdogSec']) {
    assert.ok(!unit.has(`Service.${name}`), name)
  }
  for (const family of ['AF_INET', 'AF_INET6', 'AF_UNIX']) {
    assert.ok(one('Service.RestrictAddressFamilies').split(' ').includes(family), family)
  }
})
