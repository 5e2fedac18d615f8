import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PaxosError } from '../../base/error.ts'
import { zeroBallot } from '../../protocol/ballot.ts'
import type { Epoch } from '../../protocol/epoch.ts'
import { encodeEpoch } from '../../protocol/epoch-codec.ts'
import { featureLevels } from '../../protocol/feature-level.ts'
import { firstEpoch, firstGroup, toEpochNumber, toNodeId, toSlot } from '../../protocol/ids.ts'
import {
  checkNewDirectory,
  type DataDirectory,
  openDataDirectory,
  openDataDirectoryReadOnly,
} from './data-directory.ts'
import { openEnvironment } from './environment.ts'
import { encodeIdentity } from './identity.ts'
import { epochKey, identityKey, incarnationKey, ownIncarnationsKey, peerIncarnationKey } from './keys.ts'
import { encodeRecord } from './record.ts'
import { settled } from './settled.ts'

const expected = { clusterId: 'c1', nodeId: toNodeId(2), name: 'n2' }

function openFor(path: string, who: typeof expected | undefined = expected): Promise<DataDirectory> {
  return openDataDirectory({ path, expected: who, onFailure: (error) => assert.fail(error.message) })
}

async function withDirectory(body: (path: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'paxos-directory-'))
  try {
    await body(join(root, 'a', 'data'))
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

async function created(path: string): Promise<void> {
  await (await openFor(path)).close()
}

function refusal(pattern: RegExp, hint = /.{10}/): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PaxosError && error.code === 'DATA_DIR_REFUSED', String(error))
    assert.match(error.message, pattern)
    assert.match(error.hint ?? '', hint)
    return true
  }
}

async function setAcceptor(
  path: string,
  change: (put: (key: Uint8Array, body: Uint8Array) => void) => void,
): Promise<void> {
  const environment = openEnvironment(join(path, 'acceptor.mdb'), { pageSize: 4096, readOnly: false })
  const puts: Promise<unknown>[] = []
  change((key, body) => puts.push(environment.put(key, encodeRecord(key, body))))
  await Promise.all(puts)
  await environment.close()
}

test('a new directory is private, and every run has a higher incarnation', async () => {
  await withDirectory(async (path) => {
    const first = await openFor(path)
    assert.equal(first.incarnation, 1)
    const { diskId } = first.identity
    assert.match(diskId, /^[0-9a-f-]{36}$/)
    assert.deepEqual(first.identity, { formatVersion: 2, ...expected, diskId })
    assert.equal(statSync(path).mode & 0o777, 0o700)
    for (const file of ['acceptor.mdb', 'state.mdb', 'identity.json']) {
      assert.equal(statSync(join(path, file)).mode & 0o777, 0o600, file)
    }
    assert.ok(first.sizeBytes().acceptor > 0)
    assert.ok((await first.freeBytes()) > 0)
    await first.close()
    for (const wanted of [2, 3]) {
      const next = await openFor(path, wanted === 3 ? undefined : expected)
      assert.equal(next.incarnation, wanted)
      assert.deepEqual(next.identity, first.identity)
      await next.close()
    }
  })
})

test('a directory of another cluster, another node or a newer format is refused', async () => {
  await withDirectory(async (path) => {
    await created(path)
    await assert.rejects(openFor(path, { ...expected, clusterId: 'c2' }), refusal(/belongs to cluster c1/))
    await assert.rejects(openFor(path, { ...expected, nodeId: toNodeId(3) }), refusal(/belongs to node 2/))
    const identity = JSON.parse(readFileSync(join(path, 'identity.json'), 'utf8'))
    await writeFile(join(path, 'identity.json'), JSON.stringify({ ...identity, formatVersion: 3, more: 1 }))
    await assert.rejects(openFor(path), refusal(/format 3/))
    await assert.rejects(openDataDirectoryReadOnly({ path }), refusal(/format 3/))
    await writeFile(join(path, 'identity.json'), '{"formatVersion":1,"clusterId":"c1"')
    await assert.rejects(openFor(path), refusal(/damaged/))
  })
})

test('what is not a directory, not there, or full of other files is refused and left alone', async () => {
  await withDirectory(async (path) => {
    await assert.rejects(
      openDataDirectory({ path, expected: undefined, onFailure: () => {} }),
      refusal(/does not exist/),
    )
    assert.equal(existsSync(path), false)
    await mkdir(path, { recursive: true })
    await assert.rejects(openDataDirectoryReadOnly({ path }), refusal(/no node in it/))
    await writeFile(join(path, 'thesis.tex'), 'x')
    await assert.rejects(openFor(path), refusal(/not empty.*thesis\.tex/))
    assert.equal(existsSync(join(path, 'acceptor.mdb')), false)
    await assert.rejects(openFor(join(path, 'thesis.tex')), refusal(/not a directory/))
    await writeFile(join(path, 'acceptor.mdb'), Buffer.alloc(20_000, 7))
    await rm(join(path, 'thesis.tex'))
    await assert.rejects(openFor(path), refusal(/acceptor\.mdb: it is no LMDB file/, /under a new id/))
  })
})

test('a second process is refused while the first runs, and let in when it has ended', async () => {
  await withDirectory(async (path) => {
    const code = `
      import { openDataDirectory } from ${JSON.stringify(join(import.meta.dirname, 'data-directory.ts'))}
      await openDataDirectory({ path: ${JSON.stringify(path)}, expected: ${JSON.stringify(expected)}, onFailure() {} })
      console.log('open')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    const held = refusal(new RegExp(`process ${child.pid} holds it`))
    await assert.rejects(openFor(path), held)
    await assert.rejects(openDataDirectoryReadOnly({ path }), held)
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
    const directory = await openFor(path)
    assert.equal(directory.incarnation, 2)
    await assert.rejects(openFor(path), refusal(new RegExp(`process ${process.pid} holds it`)))
    await directory.close()
  })
})

test('a directory whose acceptor.mdb was lost or emptied must not vote again', async () => {
  await withDirectory(async (path) => {
    await created(path)
    await rename(join(path, 'acceptor.mdb'), join(path, '..', 'aside'))
    await assert.rejects(openFor(path), refusal(/promises of this node are lost/))
    await assert.rejects(openDataDirectoryReadOnly({ path }), refusal(/promises of this node are lost/))
    await setAcceptor(path, (put) => put(incarnationKey, new Uint8Array(8)))
    await assert.rejects(openFor(path), refusal(/holds no identity/))
    await rm(join(path, 'identity.json'))
    await assert.rejects(openFor(path), refusal(/identity\.json is missing/))
  })
})

test('a directory without identity.json is refused once its node has run', async () => {
  await withDirectory(async (path) => {
    await created(path)
    await rm(join(path, 'identity.json'))
    await assert.rejects(openFor(path), refusal(/identity\.json is missing/))
  })
})

test('a directory whose journal was lost, or is all that was left, must not vote again', async () => {
  await withDirectory(async (path) => {
    await created(path)
    const journal = join(path, 'acceptor.journal')
    await rename(journal, join(path, '..', 'aside'))
    await assert.rejects(openFor(path), refusal(/acceptor\.journal is missing, so the promises of this node are lost/))
    await assert.rejects(openDataDirectoryReadOnly({ path }), refusal(/acceptor\.journal is missing/))
    await writeFile(journal, 'short')
    await assert.rejects(openFor(path), refusal(/acceptor\.journal has 5 bytes instead of 8388608/))
    await rename(join(path, '..', 'aside'), journal)
    await created(path)
    for (const name of readdirSync(path)) if (name !== 'acceptor.journal') await rm(join(path, name))
    await assert.rejects(openFor(path), refusal(/identity\.json is missing/))
  })
})

test('a directory of the format without a journal gets one; what it was before is not taken afterwards', async () => {
  await withDirectory(async (path) => {
    await mkdir(path, { recursive: true })
    const identity = { formatVersion: 1, ...expected, diskId: 'd' }
    await setAcceptor(path, (put) => {
      put(identityKey, encodeIdentity(identity))
      put(incarnationKey, new Uint8Array(8))
    })
    await writeFile(join(path, 'identity.json'), JSON.stringify(identity))
    const before = readFileSync(join(path, 'acceptor.mdb'))
    const looked = await openDataDirectoryReadOnly({ path })
    assert.equal(looked.identity.formatVersion, 1)
    await looked.close()
    const directory = await openFor(path)
    assert.deepEqual(directory.identity, { ...identity, formatVersion: 2 })
    await directory.close()
    assert.deepEqual(JSON.parse(readFileSync(join(path, 'identity.json'), 'utf8')), directory.identity)
    // Interrupted between the two copies of the identity.
    await writeFile(join(path, 'identity.json'), JSON.stringify(identity))
    await created(path)
    await writeFile(join(path, 'acceptor.mdb'), before)
    await assert.rejects(openFor(path), refusal(/acceptor\.mdb is of an earlier format than identity\.json/))
  })
})

test('a first creation that was interrupted is completed, for the same node only', async () => {
  await withDirectory(async (path) => {
    await mkdir(path, { recursive: true })
    await setAcceptor(path, () => {})
    await writeFile(join(path, 'identity.json.tmp'), '{"form')
    await created(path)
    await rm(path, { recursive: true })
    await mkdir(path)
    for (const half of [0, 100, 8192]) {
      await writeFile(join(path, 'acceptor.mdb'), Buffer.alloc(half))
      await created(path)
      await rm(path, { recursive: true })
      await mkdir(path)
    }
    await setAcceptor(path, () => {})
    await assert.rejects(openDataDirectoryReadOnly({ path }), refusal(/creation was interrupted/))
    await setAcceptor(path, (put) => put(identityKey, encodeIdentity({ formatVersion: 2, ...expected, diskId: 'd' })))
    await assert.rejects(openFor(path, { ...expected, nodeId: toNodeId(9) }), refusal(/belongs to node 2/))
    const directory = await openFor(path)
    assert.equal(directory.incarnation, 1)
    await directory.close()
  })
})

test('a state.mdb that was cut off while it was created is made anew', async () => {
  await withDirectory(async (path) => {
    await created(path)
    for (const bytes of [0, 5000, 16_384]) {
      await writeFile(join(path, 'state.mdb'), Buffer.alloc(bytes))
      const looked = await openDataDirectoryReadOnly({ path })
      assert.equal(looked.stateUsage(), undefined)
      await looked.close()
      await created(path)
    }
    await writeFile(join(path, 'state.mdb'), Buffer.alloc(50_000))
    await assert.rejects(
      openFor(path),
      refusal(/state\.mdb: it is no LMDB file/, /move its state\.mdb and state\.mdb-lock away/),
    )
    const other = openEnvironment(join(path, '..', 'other.mdb'), { pageSize: 4096, readOnly: false })
    await other.put(Buffer.from('a'), Buffer.alloc(100_000))
    await other.close()
    await rename(join(path, '..', 'other.mdb'), join(path, 'state.mdb'))
    await assert.rejects(openFor(path), refusal(/pages of 4096 bytes, not 8192|no LMDB file/))
  })
})

test('a state.mdb that is cut off, or as short and of something else, is refused by who starts on it and who looks', async () => {
  await withDirectory(async (path) => {
    const directory = await openFor(path)
    // The first transaction leaves the first meta page as it was.
    for (const value of [new Uint8Array(100), new Uint8Array(200)]) {
      await settled((done) => directory.state.commit(new Map([['k', value]]), done))
    }
    await directory.close()
    const file = join(path, 'state.mdb')
    const whole = readFileSync(file)
    const shorts = [100, 5000, 8292, 16_384].map((bytes) => whole.subarray(0, bytes))
    for (const short of [...shorts, Buffer.from('not ours'), Buffer.alloc(12_000, 7)]) {
      await writeFile(file, short)
      const said = refusal(
        /state\.mdb: it (has \d+ bytes, less than|is cut off)/,
        /move its state\.mdb and state\.mdb-lock away/,
      )
      await assert.rejects(openFor(path), said)
      await assert.rejects(openDataDirectoryReadOnly({ path }), said)
      assert.deepEqual(readFileSync(file), short)
    }
    await writeFile(file, whole)
    await created(path)
  })
})

test('a damaged incarnation is refused: a ballot could be used twice', async () => {
  await withDirectory(async (path) => {
    await created(path)
    const environment = openEnvironment(join(path, 'acceptor.mdb'), { pageSize: 4096, readOnly: false })
    await environment.put(incarnationKey, Buffer.from('not a record'))
    await environment.close()
    await assert.rejects(openFor(path), refusal(/Cannot read incarnation/))
  })
})

test('a stopped node can be looked at, as often as wanted, without being changed', async () => {
  await withDirectory(async (path) => {
    const [epoch, second] = [epochAt(1, 1), epochAt(2, 1)]
    const directory = await openFor(path)
    await directory.acceptor.saveEpoch(firstGroup, second)
    await directory.acceptor.saveEpoch(firstGroup, epoch)
    assert.deepEqual(directory.acceptor.loadEpochs(firstGroup), [epoch, second])
    const entry = { kind: 'noop', payload: new Uint8Array(0) } as const
    const vote = { kind: 'vote', slot: toSlot(3), ballot: zeroBallot(firstEpoch), entry, chosen: true } as const
    await settled((done) => directory.acceptor.commit([{ group: firstGroup, epoch: firstEpoch, write: vote }], done))
    await settled((done) => directory.state.commit(new Map([['key', Buffer.from('value')]]), done))
    await directory.close()
    const before = readFileSync(join(path, 'acceptor.mdb'))
    for (let time = 0; time < 2; time++) {
      const look = await openDataDirectoryReadOnly({ path })
      assert.equal(look.identity.nodeId, 2)
      assert.equal(look.incarnation, 1)
      assert.deepEqual(look.epochs(firstGroup), [epoch, second])
      assert.deepEqual(
        look.load(firstGroup, firstEpoch).votes.map(({ slot, chosen }) => [slot, chosen]),
        [[3, true]],
      )
      assert.equal(Buffer.from(look.view.get('key') ?? []).toString(), 'value')
      assert.equal([...look.view.range('', undefined)].length, 1)
      await look.close()
    }
    assert.deepEqual(readFileSync(join(path, 'acceptor.mdb')), before)
  })
})

test('a directory where none can be made is refused, and not tried for ever', async (t) => {
  if (process.platform !== 'linux') return t.skip('there is no /proc')
  await assert.rejects(openFor('/proc/paxos/data'), refusal(/it cannot be created: .*ENOENT/))
})

test('that a node can begin in a directory is known before it does', async () => {
  await withDirectory(async (path) => {
    await checkNewDirectory(path)
    assert.deepEqual(readdirSync(path), [])
    const directory = await openFor(path)
    await assert.rejects(checkNewDirectory(path), refusal(/process \d+ holds it/))
    await directory.close()
    const foreign = join(path, 'foreign')
    await mkdir(foreign)
    await writeFile(join(foreign, 'letter.txt'), '')
    await assert.rejects(checkNewDirectory(foreign), refusal(/holds no node, but letter\.txt/))
    await assert.rejects(checkNewDirectory(join(foreign, 'letter.txt')), refusal(/is not a directory/))
  })
})

test('what cannot be read is found before a start has changed anything', async () => {
  const garbage = Buffer.from('not a record')
  const newer = encodeEpoch(epochAt(1, featureLevels.max + 1))
  const epochOne = epochKey(firstGroup, firstEpoch)
  const damages = [
    [peerIncarnationKey(toNodeId(3)), garbage, /Cannot read the disk of another node/],
    [ownIncarnationsKey, garbage, /Cannot read the incarnations of this node/],
    [epochOne, garbage, /Cannot read an epoch of group/],
    [epochOne, encodeRecord(epochOne, Buffer.from('??')), /another version wrote it/],
    [epochOne, encodeRecord(epochOne, newer), /it is too old/],
  ] as const
  for (const [key, record, says] of damages) {
    await withDirectory(async (path) => {
      await created(path)
      const environment = openEnvironment(join(path, 'acceptor.mdb'), { pageSize: 4096, readOnly: false })
      await environment.put(key, record)
      await environment.close()
      for (const name of ['state.mdb', 'state.mdb-lock']) await rm(join(path, name))
      const before = [readdirSync(path), readFileSync(join(path, 'acceptor.mdb'))]
      for (let time = 0; time < 2; time++) await assert.rejects(openFor(path), refusal(says))
      assert.deepEqual([readdirSync(path), readFileSync(join(path, 'acceptor.mdb'))], before, String(says))
    })
  }
})

test('a start that its state.mdb does not let happen is no incarnation', async () => {
  await withDirectory(async (path) => {
    await created(path)
    await writeFile(join(path, 'state.mdb'), Buffer.alloc(50_000))
    for (let time = 0; time < 2; time++) await assert.rejects(openFor(path), refusal(/no LMDB file/))
    for (const name of ['state.mdb', 'state.mdb-lock']) await rm(join(path, name), { force: true })
    const directory = await openFor(path)
    assert.equal(directory.incarnation, 2)
    assert.equal(directory.incarnations.earlier.length, 1)
    await directory.close()
  })
})

test('data of a level that this version does not understand are refused, and those of the last level are not', async () => {
  await withDirectory(async (path) => {
    const directory = await openFor(path)
    await directory.acceptor.saveEpoch(firstGroup, epochAt(1, featureLevels.max))
    assert.equal(directory.acceptor.loadEpochs(firstGroup).length, 1)
    await directory.acceptor.saveEpoch(firstGroup, epochAt(2, featureLevels.max + 1))
    const tooOld = /at feature level \d+, and this version knows .*: it is too old/
    assert.throws(() => directory.acceptor.loadEpochs(firstGroup), refusal(tooOld))
    await directory.close()
    await assert.rejects(openFor(path), refusal(tooOld))
    const look = await openDataDirectoryReadOnly({ path })
    assert.throws(() => look.epochs(firstGroup), refusal(tooOld))
    await look.close()
  })
})

function epochAt(number: number, featureLevel: number): Epoch {
  return {
    number: toEpochNumber(number),
    protocol: 'multi',
    members: [{ id: toNodeId(1), name: 'n2', peerAddress: '127.0.0.1:7701', kind: 'acceptor' }],
    q1: 1,
    q2: 1,
    leaseMs: 0,
    featureLevel,
    startSlot: toSlot(10 * (number - 1)),
    highestId: toNodeId(1),
  }
}
