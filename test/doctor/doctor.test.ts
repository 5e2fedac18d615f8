/** `paxos doctor` on real processes and directories. */
import assert from 'node:assert/strict'
import { execFileSync, execSync } from 'node:child_process'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { DoctorReport } from '../../src/cli/doctor/report.ts'
import { openEnvironment } from '../../src/daemon/store/environment.ts'
import { decodeRecord, encodeRecord } from '../../src/daemon/store/record.ts'
import { statePageSize, toStateKey } from '../../src/daemon/store/state-tree.ts'
import { metaKey } from '../../src/machine/layout.ts'
import { json, paxos, type Ran } from '../cli/paxos.ts'
import { type Cluster, patienceMs, withCluster } from '../cluster/cluster.ts'
import { until } from '../cluster/until.ts'

/** What depends on the machine and its other load, not on what a test does. */
const ofTheMachine = new Set(['SLOW_FLUSH', 'LOOP_LAG', 'DISK_LOW', 'DISK_FILLING'])

async function doctor(
  cluster: Cluster,
  ...args: string[]
): Promise<{ report: DoctorReport; found: string[]; ran: Ran }> {
  const endpoints = cluster.endpoints.join(',')
  const env = { XDG_CONFIG_HOME: join(cluster.directory, 'config') }
  const ran = await paxos(['doctor', '--json', '--endpoints', endpoints, '--timeout', '3s', ...args], { env })
  const report = json(ran) as unknown as DoctorReport
  assert.equal(ran.exit, report.healthy ? 0 : 10, ran.stdout)
  const counted = report.findings.filter(({ id }) => !ofTheMachine.has(id))
  return { report, found: counted.map(({ id, severity, subject }) => `${id} ${severity} ${subject}`), ran }
}

/** Waits until the doctor finds these, and no others. */
async function finds(cluster: Cluster, wanted: readonly string[], ...args: string[]): Promise<DoctorReport> {
  let last: readonly string[] = []
  return await until(`the doctor finds ${wanted.join(', ') || 'nothing'}`, patienceMs, async () => {
    const { report, found } = await doctor(cluster, ...args)
    last = found
    return JSON.stringify(found) === JSON.stringify(wanted) ? report : undefined
  }).catch((cause: unknown) => assert.fail(`${cause}; it found ${last.join(', ')}`))
}

/** Sets up, in front of everything else, a cluster without findings. */
async function withHealthy(body: (cluster: Cluster) => Promise<void>, proxied = false): Promise<void> {
  await withCluster({ nodes: 3, proxied }, async (cluster) => {
    await cluster.startAll()
    const { examined } = await finds(cluster, [])
    assert.deepEqual(examined, ['n1', 'n2', 'n3'])
    await body(cluster)
  })
}

test('a node that is killed, stopped by a signal or started again is found out', async () => {
  await withHealthy(async (cluster) => {
    const follower = cluster.except((await cluster.leader()).name)[0]
    assert.ok(follower !== undefined)
    await follower.kill()
    const { name } = follower
    const wanted = [`MEMBER_UNREACHABLE error ${name}`, 'QUORUM_MARGIN warning cluster']
    const down = await finds(cluster, wanted)
    assert.match(down.findings.find(({ id }) => id === 'QUORUM_MARGIN')?.evidence ?? '', /2 of 3 acceptors are up/)
    const plain = await paxos(['doctor', '--endpoints', cluster.endpoints.join(',')])
    assert.equal(plain.exit, 10)
    assert.match(
      plain.stdout,
      /MEMBER_UNREACHABLE \(error\) n\d: .*\n {2}seen {2}.*\n {2}next {2}.*systemctl start paxos\n {2}docs/,
    )
    assert.match(plain.stdout, /\nunhealthy: \d findings\n$/)

    follower.start()
    await cluster.ready()
    await finds(cluster, [])

    follower.signal('SIGSTOP')
    const silent = await finds(cluster, wanted)
    assert.match(silent.findings[0]?.evidence ?? '', /did not answer in time/)
    follower.signal('SIGCONT')
    await finds(cluster, [])
  })
})

test('a member that is cut off is up for the operator, behind, and not counted', async () => {
  await withHealthy(async (cluster) => {
    const leader = await cluster.leader()
    const [cut, other] = cluster.except(leader.name)
    assert.ok(cut !== undefined && other !== undefined)
    cluster.proxy?.cutBoth(cut.name, leader.name)
    cluster.proxy?.cutBoth(cut.name, other.name)
    const client = cluster.clientOf(leader)
    for (let n = 0; n < 1100; n++) await client.put('k', String(n))
    const report = await until('the cut is seen from all sides', patienceMs, async () => {
      const { report, found } = await doctor(cluster)
      const lags = found.includes(`MEMBER_LAGS warning ${cut.name}`)
      const margin = found.includes('QUORUM_MARGIN warning cluster')
      const links = found.filter((line) => line.startsWith('LINK_DOWN')).length
      return lags && margin && links === 4 && found.includes(`MEMBER_NOT_READY warning ${cut.name}`) && report
    })
    assert.ok(!report.findings.some(({ id }) => id === 'MEMBER_UNREACHABLE'))
    cluster.proxy?.healAll()
    await finds(cluster, [])
  }, true)
})

test('wrong modes, clocks and settings are found, and the command that is shown mends the modes', async () => {
  const hook = join(import.meta.dirname, '..', 'chaos', 'hooks', 'clock.ts')
  await withCluster({ nodes: 3 }, async (cluster) => {
    const [first, second, third] = cluster.nodes
    assert.ok(first !== undefined && second !== undefined && third !== undefined)
    const ahead = { number: 0, offsetMs: 5000, rate: 1 }
    writeFileSync(join(cluster.directory, 'clock-n3.json'), JSON.stringify(ahead))
    first.start()
    second.start({ settings: { electionTimeoutMs: 500, heartbeatMs: 50, 'limits.valueBytesMax': 1000 } })
    third.start({ execArgv: ['--import', hook] })
    await cluster.ready()
    chmodSync(first.dataDir, 0o755)
    chmodSync(join(first.dataDir, 'state.mdb'), 0o666)
    const report = await finds(cluster, [
      'OPEN_PERMISSIONS error n1',
      'CLOCK_SKEW warning cluster',
      'CONFIG_DIFFERS warning cluster',
    ])
    const of = (id: string) => report.findings.find((finding) => finding.id === id)
    assert.match(of('CLOCK_SKEW')?.message ?? '', /n3 is at least \d{4} ms ahead/)
    assert.match(of('CONFIG_DIFFERS')?.message ?? '', /^limits\.valueBytesMax differs/)
    execSync(of('OPEN_PERMISSIONS')?.fix ?? 'false')
    await finds(cluster, ['CLOCK_SKEW warning cluster', 'CONFIG_DIFFERS warning cluster'])

    // A mute is of this cluster, shown, and does not count; the machine's own findings are none of this test.
    for (const id of ['CONFIG_DIFFERS', 'CLOCK_SKEW', ...ofTheMachine])
      await doctor(cluster, '--mute', id, '--for', '1h')
    const muted = await doctor(cluster)
    assert.equal(muted.ran.exit, 0)
    assert.deepEqual(muted.found, ['CLOCK_SKEW warning cluster', 'CONFIG_DIFFERS warning cluster'])
    const again = await doctor(cluster, '--unmute', 'CLOCK_SKEW')
    assert.equal(again.ran.exit, 10)
  })
})

test('the directory of a stopped node is examined record by record', async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    const [node] = cluster.nodes
    assert.ok(node !== undefined)
    await cluster.startAll()
    const needle = `needle-${'x'.repeat(100)}`
    await cluster.client().put('a-key-of-ours', needle)
    const examine = async (path = node.dataDir): Promise<{ exit: number; found: string[]; ran: Ran }> => {
      const ran = await paxos(['doctor', '--json', '--data-dir', path])
      const { findings = [] } = json(ran) as unknown as Partial<DoctorReport>
      const counted = findings.filter(({ id }) => !ofTheMachine.has(id))
      return { exit: ran.exit, found: counted.map(({ id, severity, subject }) => `${id} ${severity} ${subject}`), ran }
    }
    const running = await examine()
    assert.equal(running.exit, 6)
    assert.match(running.ran.stdout, /A node that runs on it answers at --endpoints unix:\/.*\/paxos\.sock/)
    assert.equal((await node.stop()).code, 0)
    assert.deepEqual((await examine()).found, [])

    for (const [args, says] of [
      [['--mute', 'VERSION_MIX', '--for', '36h'], /VERSION_MIX is muted for 36h, until 20\S+Z\n/],
      [['--unmute', 'VERSION_MIX'], /VERSION_MIX counts again\n/],
      [['--unmute', 'VERSION_MIX'], /VERSION_MIX was not muted\n/],
    ] as const) {
      const env = { XDG_CONFIG_HOME: join(cluster.directory, 'config') }
      assert.match((await paxos(['doctor', '--data-dir', node.dataDir, ...args], { env })).stderr, says)
    }

    chmodSync(join(node.dataDir, 'identity.json'), 0o644)
    assert.deepEqual((await examine()).found, ['OPEN_PERMISSIONS warning n1'])
    chmodSync(join(node.dataDir, 'identity.json'), 0o600)

    const written = await exchangeFormat(node.dataDir, 2)
    const older = await examine()
    assert.deepEqual(older.found, ['DIRECTORY_REFUSED error n1'])
    assert.match(older.ran.stdout, /its format is 2.*kv export/s)
    assert.equal(await exchangeFormat(node.dataDir, written), 2)

    damage(join(node.dataDir, 'state.mdb'), needle)
    assert.deepEqual((await examine()).found, ['DAMAGED_STATE error n1'])
    damage(join(node.dataDir, 'acceptor.mdb'), needle)
    const both = await examine()
    assert.deepEqual(both.found, ['DAMAGED_VOTES error n1', 'DAMAGED_STATE error n1'])
    assert.equal(both.exit, 10)
    assert.match(both.ran.stdout, /a-key-of-ours/)
    const bundle = async (): Promise<string> => {
      const { bytes } = await paxos(['debug', 'bundle', '-', '--data-dir', node.dataDir])
      return execFileSync('tar', ['-xzO'], { input: bytes, encoding: 'utf8' })
    }
    const ofDamaged = await bundle()
    assert.match(ofDamaged, /DAMAGED_STATE.*\(hidden\)/s)
    assert.doesNotMatch(ofDamaged, /a-key-of-ours|needle/)

    const identity = join(node.dataDir, 'identity.json')
    const text = readFileSync(identity, 'utf8')
    writeFileSync(identity, text.replace('"formatVersion":2', '"formatVersion":3'))
    assert.deepEqual((await examine()).found, [`DIRECTORY_FORMAT error ${node.dataDir}`])
    rmSync(identity)
    const lost = await examine()
    assert.deepEqual([lost.exit, lost.found], [10, [`DIRECTORY_REFUSED error ${node.dataDir}`]])
    assert.match(await bundle(), /Cluster unknown.*1: status\.json: Cannot use .*DIRECTORY_REFUSED/s)
    assert.equal((await examine(join(cluster.directory, 'nothing'))).exit, 3)
  })
})

/** Makes the state one of this format, and gives that which it had. */
async function exchangeFormat(dataDir: string, format: number): Promise<number> {
  const environment = openEnvironment(join(dataDir, 'state.mdb'), { pageSize: statePageSize, readOnly: false })
  const key = toStateKey(metaKey)
  const body = Buffer.from(decodeRecord(key, environment.get(key) ?? Buffer.alloc(0)) ?? assert.fail('no meta'))
  const before = body[0] ?? 0
  body[0] = format
  await environment.put(key, encodeRecord(key, body))
  await environment.close()
  return before
}

/** Changes one byte wherever the text is in the file, old copies in pages that are free now among them. */
function damage(path: string, text: string): void {
  const bytes = readFileSync(path)
  let found = 0
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    bytes[at + 10] = (bytes[at + 10] ?? 0) ^ 1
    found++
  }
  assert.ok(found > 0, `${text} is not in ${path}`)
  writeFileSync(path, bytes)
}
