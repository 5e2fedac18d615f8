/** `paxos backup` and `paxos restore` on files: what they say and refuse. test/backup/cluster.test.ts has the clusters. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { scratchPrefix } from '../../src/cli/backup/scratch-directory.ts'
import { lockDirectory } from '../../src/daemon/store/directory-lock.ts'
import { backupFrame } from '../../src/wire/backup-codec.ts'
import { encodeFrame, frameHeaderBytes } from '../../src/wire/frame.ts'
import { sample, sampleBackup } from '../backup/sample-backup.ts'
import { json, paxos, startPaxos } from './paxos.ts'
import { type Refusal, testRefusals } from './refusals.ts'

const folder = mkdtempSync(join(tmpdir(), 'paxos-backup-cli-'))
const good = join(folder, 'good.paxos')
const damaged = join(folder, 'damaged.paxos')
const newer = join(folder, 'newer.paxos')
const target = ['--cluster-token', 'token', '--bootstrap-members', 'n1=127.0.0.1:1,n2=127.0.0.1:2']

before(async () => {
  mkdirSync(join(folder, 'source'))
  const bytes = Buffer.from(await sampleBackup(join(folder, 'source')))
  writeFileSync(good, bytes)
  const inPayload = secondFrame(bytes) + frameHeaderBytes
  bytes[inPayload] = (bytes[inPayload] ?? 0) ^ 4
  writeFileSync(damaged, bytes)
  const header = Buffer.from(JSON.stringify({ kind: 'paxos backup', format: 99, program: '9.9.9' }))
  writeFileSync(newer, encodeFrame(backupFrame.header, header))
  mkdirSync(join(folder, 'full'))
  writeFileSync(join(folder, 'full', 'notes.txt'), 'mine')
})
after(() => rmSync(folder, { recursive: true, force: true }))

function secondFrame(bytes: Buffer): number {
  return frameHeaderBytes + bytes.readUInt32BE(4)
}

test('inspect shows what is in a backup', async () => {
  const [plain, asJson] = await Promise.all([
    paxos(['backup', 'inspect', good]),
    paxos(['backup', 'inspect', good, '--json']),
  ])
  assert.deepEqual([plain.exit, asJson.exit], [0, 0])
  assert.match(plain.stdout, /cluster +old-cluster, group 0, epoch 1\n/)
  assert.match(plain.stdout, /290 keys, 310 old values, 1 session\n/)
  assert.match(plain.stdout, /\nwhole, [\d,]+ bytes\n$/)
  assert.partialDeepStrictEqual(json(asJson), { file: good, manifest: { ...sample } })
})

test('verify restores it and says so', async () => {
  const { exit, stdout, stderr } = await paxos(['backup', 'verify', good, '--scratch', folder])
  assert.equal(exit, 0, stderr)
  assert.match(stdout, /good: restored, and every key is the same/)
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith(scratchPrefix)),
    [],
  )
})

test('verify takes its scratch directory away when it is interrupted, and what a killed one left the next time', async () => {
  const scratch = mkdtempSync(join(folder, 'scratch-'))
  const interrupt = async (signal: NodeJS.Signals): Promise<void> => {
    const child = startPaxos(['backup', 'verify', good, '--scratch', scratch])
    const ended = once(child, 'close')
    const isUsed = (): boolean => readdirSync(scratch).some((name) => existsSync(join(scratch, name, 'as-it-was')))
    while (child.exitCode === null && !isUsed()) await pause(1)
    child.kill(signal)
    assert.deepEqual(await ended, [null, signal])
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    await interrupt(signal)
    assert.deepEqual(readdirSync(scratch), [], signal)
  }
  await interrupt('SIGKILL')
  assert.equal(readdirSync(scratch).length, 1)
  // Of a run that lives.
  const name = `${scratchPrefix}running`
  const running = join(scratch, name)
  mkdirSync(running)
  const lock = await lockDirectory(running)
  const { exit, stderr } = await paxos(['backup', 'verify', good, '--scratch', scratch])
  assert.equal(exit, 0, stderr)
  assert.deepEqual(readdirSync(scratch), [name])
  await lock.release()
})

const refusals: readonly Refusal[] = [
  [['backup', 'inspect', damaged], 10, 'BACKUP_DAMAGED', /is damaged: chunk \d+, at byte \d+: the payload checksum/],
  [['backup', 'verify', damaged], 10, 'BACKUP_DAMAGED', /is damaged: chunk \d+/],
  [['restore', damaged, ...target, '--data-dir', `n1=${folder}/a`], 10, 'BACKUP_DAMAGED', /is damaged/],
  [['backup', 'inspect', newer], 6, 'BACKUP_REFUSED', /has format 99, and this version knows up to 2/],
  [['backup', 'verify', newer], 6, 'BACKUP_REFUSED', /has format 99/],
  [['restore', newer, ...target, '--data-dir', `n1=${folder}/a`], 6, 'BACKUP_REFUSED', /has format 99/],
  [['backup', 'inspect', join(folder, 'none')], 2, 'USAGE', /Cannot read .*none/],
  [['backup', 'verify', good, '--scratch', join(folder, 'none')], 2, 'USAGE', /Cannot use .*none/],
  [['backup', 'create', good], 6, 'PRECONDITION_FAILED', /is there already/],
  [['backup', 'create', folder, '--overwrite'], 2, 'USAGE', /is a directory/],
  [['backup', 'create', join(folder, 'none', 'b')], 2, 'USAGE', /Cannot write .*none/],
  [['backup', 'create', join(folder, 'b'), '--endpoints', '127.0.0.1:9'], 3, 'CANNOT_CONNECT', /127\.0\.0\.1:9/],
  [['restore', good], 2, 'USAGE', /not said which members/],
  [['restore', good, ...target, '--data-dir', folder], 2, 'USAGE', /does not say whose directory/],
  [
    ['restore', good, ...target, '--data-dir', `n1=${folder}/a`, '--data-dir', `n1=${folder}/b`],
    2,
    'BAD_CONFIG',
    /n1 is to be restored twice/,
  ],
  [['restore', good, ...target, '--data-dir', `n9=${folder}/a`], 2, 'BAD_CONFIG', /named n9/],
  [
    ['restore', good, '--cluster-token', 'x', '--data-dir', `n1=${folder}/a`],
    2,
    'BAD_CONFIG',
    /bootstrapMembers is missing/,
  ],
  [
    ['restore', good, ...target, '--data-dir', `n1=${folder}/full`],
    6,
    'DATA_DIR_REFUSED',
    /not empty, but holds notes/,
  ],
]

testRefusals(folder, refusals, () => {
  assert.equal(existsSync(join(folder, 'a')), false)
  assert.equal(existsSync(join(folder, 'b')), false)
})

test('a dry run says what would be done, and does nothing', async () => {
  const args = ['restore', good, ...target, '--data-dir', `n1=${folder}/dry`, '--dry-run']
  const [plain, asJson] = await Promise.all([paxos(args), paxos([...args, '--json'])])
  assert.deepEqual([plain.exit, asJson.exit], [0, 0], plain.stderr)
  assert.match(plain.stdout, /n1 +\S+dry +empty\nstill to be restored from the same file: n2\nnothing was changed\n$/)
  assert.match(plain.stdout, /revision +610 in the backup, from 10000000000611 on/)
  const { dryRun, members } = json(asJson)
  assert.deepEqual([dryRun, members], [true, [{ name: 'n1', directory: join(folder, 'dry'), found: 'empty' }]])
  assert.equal(existsSync(join(folder, 'dry')), false)
})

test('members are taken from the configuration files of their nodes', async () => {
  for (const name of ['n1', 'n2']) {
    const config = `node:\n  name: ${name}\n  dataDir: ./from-file-${name}\n  clusterToken: from-file\n`
    writeFileSync(join(folder, `${name}.yaml`), `${config}  bootstrapMembers: [n1=127.0.0.1:1, n2=127.0.0.1:2]\n`)
  }
  const files = ['--config', join(folder, 'n1.yaml'), '--config', join(folder, 'n2.yaml')]
  const { exit, stderr } = await paxos(['restore', ...files, good])
  assert.equal(exit, 0, stderr)
  for (const name of ['n1', 'n2']) {
    const identity = JSON.parse(readFileSync(join(folder, `from-file-${name}`, 'identity.json'), 'utf8'))
    assert.equal(identity.name, name)
  }
})

test('a restore that is killed at any moment is finished by running it again, and starts no node before', async () => {
  const all = ['--cluster-token', 'token', '--bootstrap-members', 'n1=127.0.0.1:0']
  for (let delayMs = 120; delayMs <= 480; delayMs += 60) {
    const directory = join(folder, `killed-${delayMs}`)
    const args = ['restore', good, ...all, '--data-dir', `n1=${directory}`]
    const child = startPaxos(args)
    const ended = once(child, 'close')
    await pause(delayMs)
    child.kill('SIGKILL')
    await ended
    const names = existsSync(directory) ? readdirSync(directory) : []
    if (names.includes('restore.tmp') && !names.includes('identity.json')) {
      const listen = ['--listen-client', '127.0.0.1:0', '--listen-peer', '127.0.0.1:0']
      const started = await paxos(['node', 'start', '--name', 'n1', '--data-dir', directory, ...all, ...listen])
      assert.equal(started.exit, 6, started.stderr)
      assert.match(started.stderr, /a restore into it was interrupted/)
    }
    const again = await paxos(args)
    assert.equal(again.exit, 0, again.stderr)
    assert.ok(existsSync(join(directory, 'identity.json')))
  }
})
