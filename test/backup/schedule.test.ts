/** Backups that nodes make by themselves. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { PaxosError } from '../../src/base/error.ts'
import { BackupSchedule } from '../../src/daemon/backup/backup-schedule.ts'
import { encodeRequest } from '../../src/machine/command-codec.ts'
import { toSlot } from '../../src/protocol/ids.ts'
import { SharedLog, SingleReplica } from '../api/single-replica.ts'
import { json, paxos } from '../cli/paxos.ts'
import { patienceMs, withCluster } from '../cluster/cluster.ts'
import { until } from '../cluster/until.ts'
import { put } from '../machine/fixtures.ts'
import { scratchFolder } from './sample-backup.ts'

test('a node makes backups by itself, keeps so many, and says how old the newest is', async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    const [node] = cluster.nodes
    assert.ok(node)
    const directory = join(cluster.directory, 'backups', 'n1')
    const settings = { backupDir: directory, backupEvery: '1s', backupKeep: 2 }
    node.start({ settings })
    await cluster.ready()
    await cluster.client().put('a', '1')
    const isMade = (name: string): boolean => !name.endsWith('.partial')
    const found = (): string[] => readdirSync(directory).filter(isMade).sort()
    const first = await until('a first backup', patienceMs, () => found()[0])
    // Other files in the directory are nobody's business.
    const others = ['n1-00000000-20200101T000000000Z.paxos', 'n10-notes.txt']
    for (const name of others) writeFileSync(join(directory, name), 'other')
    // A directory in the place of the oldest cannot be removed, and what a killed node left can. No process has this number.
    const stamp = /\d{8}T\d{9}Z/
    const stuck = first.replace(stamp, '20200101T000000000Z')
    mkdirSync(join(directory, stuck))
    const leftover = `.${first.replace(stamp, '20200102T000000000Z')}.999999999.partial`
    writeFileSync(join(directory, leftover), 'half')
    others.push(stuck)
    await until('the first one is gone', patienceMs, () => !found().includes(first))
    const own = found().filter((name) => !others.includes(name))
    assert.ok(own.length >= 2 && own.length <= 3, own.join())
    assert.ok(others.every((name) => found().includes(name)))
    assert.equal(readdirSync(directory).includes(leftover), false)
    assert.match(node.log, /an old backup could not be removed/)
    assert.ok((await node.metric('paxos_backup_age_seconds')) < patienceMs / 1000)
    assert.equal(await node.metric('paxos_backup_failures_total'), 0)
    await node.stop()
    const left = found().filter((name) => !others.includes(name))
    assert.ok(readdirSync(directory).every(isMade), 'a partial file is left')
    const newest = await paxos(['backup', 'inspect', join(directory, left.at(-1) ?? ''), '--json'])
    assert.equal(newest.exit, 0, newest.stdout)
    assert.partialDeepStrictEqual(json(newest), { manifest: { node: 'n1', keys: 1, consistency: 'linearizable' } })
    // After a restart the next one is due when it would have been anyway.
    node.start({ settings: { ...settings, backupEvery: '1h' } })
    await cluster.ready()
    assert.ok((await node.metric('paxos_backup_age_seconds')) > 0)
    assert.deepEqual(
      found().filter((name) => !others.includes(name)),
      left,
    )
  })
})

test('a backup that cannot be made is counted, and the node goes on', async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    const [node] = cluster.nodes
    assert.ok(node)
    const directory = join(cluster.directory, 'backups')
    writeFileSync(directory, 'a file is in the way')
    node.start({ settings: { backupDir: directory, backupEvery: '1s', backupKeep: 2 } })
    await cluster.ready()
    await until('it is counted', patienceMs, async () => (await node.metric('paxos_backup_failures_total')) > 0)
    assert.match(node.log, /a backup could not be made/)
    assert.equal((await cluster.client().put('a', '1')).version, 1)
    rmSync(directory)
    mkdirSync(directory)
    await until('it is made after all', patienceMs, () =>
      readdirSync(directory).some((name) => name.endsWith('.paxos')),
    )
  })
})

test('between full backups a node makes increments, and never removes what one that is kept goes on from', async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    const [node] = cluster.nodes
    assert.ok(node)
    const directory = join(cluster.directory, 'backups')
    const increments = { backupFullEvery: 3, 'limits.backupLogBytesMax': '64MiB' }
    const settings = { backupDir: directory, backupEvery: '1s', backupKeep: 4, ...increments }
    node.start({ settings })
    await cluster.ready()
    const client = cluster.client()
    const seen = new Set<string>()
    const isIncrement = (name: string): boolean => name.endsWith('.increment.paxos')
    const found = (): string[] =>
      readdirSync(directory)
        .filter((name) => !name.endsWith('.partial'))
        .sort()
    const made = async (count: number): Promise<void> => {
      await until(`${count} are made`, patienceMs, async () => {
        await client.put('a', `${seen.size}`)
        for (const name of found()) seen.add(name)
        return seen.size >= count
      })
    }
    await made(5)
    // It goes on from where it was, also after a restart.
    await node.stop()
    node.start({ settings })
    await cluster.ready()
    await made(9)
    await node.stop()
    for (const name of found()) seen.add(name)
    const kinds = [...seen].sort().map(isIncrement)
    assert.deepEqual(
      kinds,
      kinds.map((_, at) => at % 3 !== 0),
      'every third is a full one',
    )
    const kept = found()
    assert.ok(kept.length >= 4 && kept.length <= 7, kept.join())
    assert.equal(isIncrement(kept[0] ?? ''), false, kept.join())
    for (let at = 0; at < kept.length; at += 3) {
      const files = kept.slice(at, at + 3).map((name) => join(directory, name))
      const verified = await paxos(['backup', 'verify', ...files])
      assert.equal(verified.exit, 0, verified.stderr)
    }
    // What cannot be continued is followed by a full backup at once.
    const last = kept.at(-1) ?? ''
    writeFileSync(join(directory, last), 'damaged')
    node.start({ settings: { ...settings, backupFullEvery: 1000 } })
    await cluster.ready()
    await until('a full one', patienceMs, () => found().some((name) => !isIncrement(name) && name > last))
    assert.match(node.log, /the last backup cannot be continued: a full one is made/)
    assert.equal(await node.metric('paxos_backup_failures_total'), 0)
  })
})

test('a damaged record among the kept slots is followed by a full backup, and then by increments again', async (t) => {
  const directory = join(scratchFolder(t), 'backups')
  const log = new SharedLog()
  const write = (): void => void log.append([encodeRequest({ session: undefined, command: put('a', 'b') })])
  for (let n = 0; n < 10; n++) write()
  const warnings: string[] = []
  const schedule = new BackupSchedule({
    ...{ directory, everyMs: 20, keep: 100, fullEvery: 1000, chunkBytes: 1024 },
    replica: new SingleReplica(log),
    keptLog: {
      keptRange: () => ({ from: toSlot(0), to: toSlot(log.truncatedUpTo) }),
      keptEntries: (_group, _epoch, from) => {
        if (from >= log.truncatedUpTo) return []
        throw new PaxosError('STORE_FAILED', `Cannot read slot ${from}`)
      },
    },
    origin: { program: '0.1.0', clusterId: 'c1', node: 'n1' },
    logger: { info: () => {}, warn: (_fields, message) => void warnings.push(message) },
    now: Date.now,
  })
  const kinds = (): string =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.paxos'))
      .sort()
      .map((name) => (name.endsWith('.increment.paxos') ? 'i' : 'f'))
      .join('')
  mkdirSync(directory)
  schedule.start()
  t.after(() => schedule.stop())
  await until('an increment', patienceMs, () => kinds().startsWith('fi'))
  for (let n = 0; n < 10; n++) write()
  log.truncatedUpTo = 20
  await until('a full one, and increments of it', patienceMs, () => /^fi+fi/.test(kinds()))
  await schedule.stop()
  assert.equal(schedule.metrics().failures, 0)
  assert.deepEqual(warnings, ['an increment cannot be made: a full backup is'])
})

test('a node that stops does not wait for a backup that does not come on', async (t) => {
  const directory = join(scratchFolder(t), 'backups')
  const asked: unknown[] = []
  const replica = Object.assign(new SingleReplica(new SharedLog()), {
    snapshot: (done: unknown) => void asked.push(done),
  })
  const schedule = new BackupSchedule({
    ...{ directory, everyMs: 1000, keep: 1, fullEvery: 1, chunkBytes: 1024, stopWaitMs: 10 },
    ...{ replica, keptLog: { keptRange: () => assert.fail('not here'), keptEntries: () => [] } },
    origin: { program: '0.1.0', clusterId: 'c1', node: 'n1' },
    logger: { info: () => {}, warn: () => {} },
    now: Date.now,
  })
  schedule.start()
  await until('it is asked for', patienceMs, () => asked.length > 0)
  const startedAt = performance.now()
  await schedule.stop()
  assert.ok(performance.now() - startedAt < 5000)
})
