import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BackupReader } from '../../src/daemon/backup/backup-reader.ts'
import { type IncrementManifest, isIncrement } from '../../src/wire/increment-manifest.ts'
import { startNode } from './node-fixture.ts'

const base = 'b'.repeat(64)
const zeros = '0'.repeat(32)

function manifestOf(bytes: Uint8Array): IncrementManifest {
  const reader = new BackupReader({ name: 'the answer' })
  reader.push(bytes)
  const manifest = reader.finish()
  assert.ok(isIncrement(manifest))
  return manifest
}

function pathFrom(from: number, more = ''): string {
  return `/v1/backup/increment?from=${from}&base=${base}&chain=${zeros}${more}`
}

test('GET /v1/backup/increment is what was chosen from a slot on, and says on what it goes', async (t) => {
  const node = await startNode(t)
  for (let n = 0; n < 40; n++) await node.call('PUT', `/v1/kv/${n}`, { body: 'x'.repeat(n) })
  const answer = await node.call('GET', pathFrom(10))
  assert.equal(answer.status, 200)
  const manifest = manifestOf(answer.bytes)
  assert.partialDeepStrictEqual(manifest, {
    ...{ clusterId: 'c1', node: 'n1', group: '0', epoch: 1, consistency: 'linearizable', format: 2 },
    ...{ base, from: 10, chainBefore: zeros, applied: 40, entries: 30, revision: 40, stopSigns: 0 },
  })
  assert.notEqual(manifest.chain, zeros)
  assert.equal(node.replica.openSnapshots, 0)
  const none = manifestOf((await node.call('GET', pathFrom(40))).bytes)
  assert.deepEqual([none.entries, none.from, none.applied, none.chunks], [0, 40, 40, 0])
})

test('a log that does not reach back so far says what to do; so does one that does not reach so far', async (t) => {
  const node = await startNode(t)
  for (let n = 0; n < 10; n++) await node.call('PUT', `/v1/kv/${n}`, { body: 'x' })
  node.log.truncatedUpTo = 5
  const gone = await node.call('GET', pathFrom(3))
  assert.deepEqual([gone.status, gone.json.error.code], [410, 'COMPACTED'])
  assert.match(gone.json.error.message, /does not have slot 3 any more/)
  assert.match(gone.json.error.hint, /Make a full backup.*limits\.backupLogBytesMax/)
  assert.equal(manifestOf((await node.call('GET', pathFrom(5))).bytes).entries, 5)
  const ahead = await node.call('GET', pathFrom(11))
  assert.deepEqual([ahead.status, ahead.json.error.code], [412, 'PRECONDITION_FAILED'])
  assert.equal(node.replica.openSnapshots, 0)
})

test('it takes one of the places for backups, and gives it back however it ends', async (t) => {
  const node = await startNode(t, { limits: { backupsMax: 1 } })
  await node.call('PUT', '/v1/kv/a', { body: 'x' })
  for (let n = 0; n < 3; n++) {
    assert.equal((await node.call('GET', pathFrom(0))).status, 200)
    assert.equal((await node.call('GET', pathFrom(7))).status, 412)
  }
  node.replica.failure = { code: 'NO_QUORUM', apply: false }
  assert.equal((await node.call('GET', pathFrom(0))).json.error.code, 'NO_QUORUM')
  assert.equal(manifestOf((await node.call('GET', pathFrom(0, '&consistency=stale'))).bytes).consistency, 'stale')
})

test('what does not name a base is refused', async (t) => {
  const node = await startNode(t)
  for (const query of [
    '',
    `?from=0&base=${base}`,
    `?from=0&chain=${zeros}`,
    `?base=${base}&chain=${zeros}`,
    `?from=-1&base=${base}&chain=${zeros}`,
    `?from=0&base=${'B'.repeat(64)}&chain=${zeros}`,
    `?from=0&base=${base}&chain=${zeros}0`,
  ]) {
    const { status, json } = await node.call('GET', `/v1/backup/increment${query}`)
    assert.deepEqual([status, json.error.code], [400, 'BAD_REQUEST'], query)
  }
})
