import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type ErrorCode, PaxosError } from '../../src/base/error.ts'
import { checkBackup } from '../../src/daemon/backup/backup-file.ts'
import { foundersOf, planRestore, type RestorePlan, restore } from '../../src/daemon/backup/restore.ts'
import { deriveCluster } from '../../src/daemon/cluster-identity.ts'
import { loadNodeConfig } from '../../src/daemon/config.ts'
import type { NodeConfig } from '../../src/daemon/config-table.ts'
import { type DataDirectory, openDataDirectory } from '../../src/daemon/store/data-directory.ts'
import { KvMachine } from '../../src/machine/kv-machine.ts'
import { restoreGap } from '../../src/machine/restored.ts'
import { firstEpoch, firstGroup } from '../../src/protocol/ids.ts'
import { Overlay } from '../../src/runtime/overlay.ts'
import { everything } from '../../src/wire/key-range.ts'
import { toKey } from '../machine/fixtures.ts'
import { sample, sampleAudited, sampleBackup, scratchFolder } from './sample-backup.ts'

interface Fixture {
  readonly folder: string
  readonly backup: string
  config(name: string, changes?: Record<string, string>): NodeConfig
  plan(names: readonly string[], revisionAbove?: number): Promise<RestorePlan>
}

async function fixture(t: TestContext): Promise<Fixture> {
  const folder = scratchFolder(t)
  const backup = join(folder, 'backup')
  const source = join(folder, 'source')
  mkdirSync(source)
  writeFileSync(backup, await sampleBackup(source))
  const config = (name: string, changes: Record<string, string> = {}): NodeConfig => {
    const settings = {
      name,
      dataDir: join(folder, name),
      bootstrapMembers: 'n1=127.0.0.1:1,n2=127.0.0.1:2,n3=127.0.0.1:3',
      clusterToken: 'new-cluster',
      ...changes,
    }
    return loadNodeConfig({ settings, set: [], file: undefined }, {}, folder)
  }
  const plan = async (names: readonly string[], revisionAbove = 0): Promise<RestorePlan> =>
    planRestore(await checkBackup(backup), foundersOf(names.map((name) => config(name))), revisionAbove)
  return { folder, backup, config, plan }
}

/** As a node does when it starts. */
function openAs(config: NodeConfig): Promise<DataDirectory> {
  const { clusterId, self } = deriveCluster(config)
  return openDataDirectory({
    path: config.dataDir,
    expected: { clusterId, nodeId: self.id, name: self.name },
    onFailure: (error) => assert.fail(error.message),
  })
}

function refusal(code: ErrorCode, says: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PaxosError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, says)
    assert.ok((error.hint ?? '').length > 10)
    return true
  }
}

const nothing = (): void => {}

test('a restored directory is a node of a new cluster, with the keys of the backup', async (t) => {
  const { config, plan } = await fixture(t)
  const all = await plan(['n1', 'n2', 'n3'])
  await restore(all, nothing)
  for (const name of ['n1', 'n2', 'n3']) {
    const directory = await openAs(config(name))
    const { identity, state, acceptor } = directory
    assert.equal(identity.clusterId, all.clusterId)
    assert.notEqual(identity.clusterId, deriveCluster(config(name)).clusterId)
    const machine = new KvMachine(new Overlay(state.view))
    const answer = machine.query({ kind: 'range', range: everything, limit: 0, revision: undefined, keysOnly: false })
    assert.ok(answer.kind === 'items')
    assert.equal(answer.items.length, sample.keys)
    assert.ok(answer.items.every((item) => item.modRevision <= sample.revision && item.version === 2))
    // An empty log that begins above the data: without the data there is something missing.
    const log = acceptor.load(firstGroup, firstEpoch)
    assert.ok(machine.appliedUpTo > 0)
    assert.deepEqual(
      { ...log, votes: [...log.votes], unknown: [...log.unknown] },
      {
        promised: undefined,
        chosenUpTo: machine.appliedUpTo,
        truncatedUpTo: machine.appliedUpTo,
        votes: [],
        unknown: [],
      },
    )
    await directory.close()
  }
})

test('the audit trail goes on from that of the backup', async (t) => {
  const { config, plan } = await fixture(t)
  await restore(await plan(['n1']), nothing)
  const directory = await openAs(config('n1'))
  const machine = new KvMachine(new Overlay(directory.state.view))
  const answer = machine.query({ kind: 'trail', trail: 'writes', before: undefined, limit: 0, key: undefined })
  assert.ok(answer.kind === 'trail')
  assert.deepEqual(
    answer.records.map(({ number, action, origin }) => [number, action, origin.actor]),
    Array.from({ length: sampleAudited }, (_, at) => [sampleAudited - 1 - at, 'delete', 'ann']),
  )
  await directory.close()
})

test('revisions of the old cluster are compacted, whether the backup knew them or not', async (t) => {
  const { config, plan } = await fixture(t)
  await restore(await plan(['n1']), nothing)
  const directory = await openAs(config('n1'))
  const machine = new KvMachine(new Overlay(directory.state.view))
  assert.equal(machine.revision, sample.revision + restoreGap)
  assert.equal(machine.sessions, 0)
  for (const revision of [1, sample.revision, sample.revision + 1, machine.revision - 1]) {
    const answer = machine.query({ kind: 'get', key: toKey('a'), revision })
    assert.ok(answer.kind === 'error' && answer.code === 'COMPACTED', `revision ${revision}`)
  }
  assert.equal(machine.query({ kind: 'get', key: toKey('a'), revision: machine.revision }).kind, 'item')
  await directory.close()
})

test('revisions can be made to go on above any that is named', async (t) => {
  const { plan } = await fixture(t)
  const above = 5 * restoreGap
  const later = await plan(['n1'], above)
  assert.equal(later.meta.revision, above)
  // Sessions as well: a client of the first restored cluster is none of the second.
  assert.equal(later.meta.lastSession - sample.sessions, above - sample.revision)
  assert.equal((await plan(['n1'], 1)).meta.revision, sample.revision + restoreGap)
  await assert.rejects(plan(['n1'], Number.MAX_SAFE_INTEGER), refusal('USAGE', /too few revisions/))
  // Members that were restored at different revisions must not meet.
  assert.notEqual(later.clusterId, (await plan(['n1'])).clusterId)
})

test('running it again finishes what is missing, and leaves out a node that has run', async (t) => {
  const { config, plan, folder } = await fixture(t)
  await restore(await plan(['n1']), nothing)
  const again = await plan(['n1', 'n2'])
  assert.deepEqual(
    again.members.map((member) => member.state),
    ['done', 'empty'],
  )
  await restore(again, nothing)
  assert.ok(existsSync(join(folder, 'n2', 'identity.json')))
  await (await openAs(config('n1'))).close()
  await assert.rejects(plan(['n1', 'n2', 'n3']), (error) => {
    refusal('DATA_DIR_REFUSED', /node n1 was restored into it before, and has run/)(error)
    assert.match((error as PaxosError).hint ?? '', /prepare those that are missing, leave it out of --data-dir/)
    return true
  })
  const rest = await plan(['n3'])
  assert.equal(rest.clusterId, again.clusterId)
  await restore(rest, nothing)
  assert.ok(existsSync(join(folder, 'n3', 'identity.json')))
})

/** What a kill at each step of a restore leaves, from a finished one. */
const interruptions: readonly (readonly [name: string, undo: (directory: string, work: string) => void])[] = [
  ['before anything is written', (directory) => emptyOut(directory)],
  ['while it builds', (directory, work) => [emptyOut(directory), writeFileSync(join(work, 'state.mdb'), 'half')]],
  [
    'when it is built',
    (directory, work) => moveDown(directory, work, ['state.mdb', 'acceptor.mdb', 'acceptor.journal', 'identity.json']),
  ],
  [
    'after the first move',
    (directory, work) => moveDown(directory, work, ['acceptor.mdb', 'acceptor.journal', 'identity.json']),
  ],
  ['before the last move', (directory, work) => moveDown(directory, work, ['identity.json'])],
]

function emptyOut(directory: string): void {
  for (const name of readdirSync(directory)) if (name !== 'restore.tmp') rmSync(join(directory, name))
}

function moveDown(directory: string, work: string, names: readonly string[]): void {
  for (const name of names) renameSync(join(directory, name), join(work, name))
}

for (const [name, undo] of interruptions) {
  test(`a restore that was interrupted ${name} starts no node, and is done again`, async (t) => {
    const { config, plan, folder } = await fixture(t)
    await restore(await plan(['n1']), nothing)
    const directory = join(folder, 'n1')
    const work = join(directory, 'restore.tmp')
    mkdirSync(work)
    undo(directory, work)
    await assert.rejects(openAs(config('n1')), refusal('DATA_DIR_REFUSED', /a restore into it was interrupted/))
    const again = await plan(['n1'])
    assert.equal(again.members[0]?.state, 'interrupted')
    await restore(again, nothing)
    const opened = await openAs(config('n1'))
    assert.equal(new KvMachine(new Overlay(opened.state.view)).revision, again.meta.revision)
    await opened.close()
    assert.equal(existsSync(work), false)
  })
}

test('an interruption after the last move leaves a finished restore', async (t) => {
  const { config, plan, folder } = await fixture(t)
  await restore(await plan(['n1']), nothing)
  mkdirSync(join(folder, 'n1', 'restore.tmp'))
  assert.equal((await plan(['n1'])).members[0]?.state, 'done')
  await (await openAs(config('n1'))).close()
})

test('a directory with anything else in it is refused, and stays as it is', async (t) => {
  const { config, plan, folder } = await fixture(t)
  const directory = join(folder, 'n1')
  mkdirSync(directory)
  writeFileSync(join(directory, 'notes.txt'), 'mine')
  await assert.rejects(plan(['n1']), refusal('DATA_DIR_REFUSED', /it is not empty, but holds notes\.txt/))
  assert.deepEqual(readdirSync(directory), ['notes.txt'])
  rmSync(directory, { recursive: true })
  await (await openAs(config('n1'))).close()
  await assert.rejects(plan(['n1']), refusal('DATA_DIR_REFUSED', /it holds node n1 of cluster/))
  // A node's files without its identity are not what an interrupted restore leaves.
  rmSync(join(directory, 'identity.json'))
  mkdirSync(join(directory, 'restore.tmp'))
  await assert.rejects(plan(['n1']), refusal('DATA_DIR_REFUSED', /not empty, but holds acceptor\.journal/))
})

test('nodes configured otherwise than they were restored for are refused', async (t) => {
  const { config, plan } = await fixture(t)
  await restore(await plan(['n1']), nothing)
  for (const changes of [{ clusterToken: 'another-token' }, { leaseMs: '500' }, { name: 'n2' }]) {
    const other = { ...config('n1', changes), dataDir: config('n1').dataDir }
    await assert.rejects(openAs(other), refusal('DATA_DIR_REFUSED', /it belongs to (cluster|node)/))
  }
})

test('a backup that was read is not read again to plan, and is to restore', async (t) => {
  const { config, backup, folder } = await fixture(t)
  const checked = await checkBackup(backup)
  rmSync(backup)
  const plan = await planRestore(checked, foundersOf([config('n1')]), 0)
  assert.deepEqual(plan.members, [{ ...plan.members[0], name: 'n1', state: 'empty' }])
  await assert.rejects(restore(plan, nothing), refusal('USAGE', /Cannot read .*backup/))
  assert.equal(existsSync(join(folder, 'n1', 'identity.json')), false)
})

test('members that do not belong together are refused before anything is done', async (t) => {
  const { config, folder } = await fixture(t)
  const one = config('n1')
  const otherToken = config('n2', { clusterToken: 'another-token' })
  assert.throws(() => foundersOf([one, otherToken]), refusal('BAD_CONFIG', /different clusters/))
  const sameDirectory = { ...config('n2'), dataDir: one.dataDir }
  assert.throws(() => foundersOf([one, sameDirectory]), refusal('BAD_CONFIG', /same data directory/))
  assert.equal(existsSync(join(folder, 'n1')), false)
})

test('the new cluster is another one even under the old token, and the same on each machine', async (t) => {
  const first = await fixture(t)
  const { clusterId } = await first.plan(['n1'])
  assert.notEqual(clusterId, deriveCluster(first.config('n1')).clusterId)
  assert.equal((await first.plan(['n2'])).clusterId, clusterId)
})
