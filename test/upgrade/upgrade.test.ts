/** Two builds, a live cluster of three, and clients that must not notice. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { eventually, json, paxos, type Ran, startPaxos } from '../cli/paxos.ts'
import { freeBasePort } from '../cluster/ports.ts'
import { type Build, installOver, nextBuild, programOf, thisBuild } from './builds.ts'
import { Load } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'paxos-upgrade-'))
const dataDir = join(folder, 'dev')
const installed = join(folder, 'installed')
let old: Build
let next: Build
let dev: ChildProcess
let endpoints: string[] = []

before(async () => {
  old = thisBuild(join(folder, 'old'))
  next = nextBuild(join(folder, 'next'))
  thisBuild(installed)
  const basePort = await freeBasePort(3)
  endpoints = [0, 1, 2].map((at) => `http://127.0.0.1:${basePort + at}`)
  const args = ['dev', '--data-dir', dataDir, '--base-port', String(basePort), '--json']
  dev = startPaxos(args, { program: programOf(installed) })
  assert.ok(dev.stdout && dev.stderr)
  const said = text(dev.stderr)
  const serves = once(createInterface({ input: dev.stdout }), 'line')
  const ended = once(dev, 'exit').then(async () => assert.fail(`paxos dev ended: ${await said}`))
  await Promise.race([serves, ended])
  ended.catch(() => {})
})

after(async () => {
  const ended = once(dev, 'exit')
  dev.kill('SIGINT')
  await ended
  rmSync(folder, { recursive: true, force: true })
})

function run(build: Build, ...args: string[]): Promise<Ran> {
  return paxos(args, { program: programOf(build.root), env: { PAXOS_ENDPOINTS: endpoints.join(',') } })
}

async function upgradeStatus(): Promise<{ featureLevel: number; highestLevel: number; versions: string[] }> {
  const { featureLevel, highestLevel, versions } = json(await run(next, 'upgrade', 'status', '--json'))
  return { featureLevel: Number(featureLevel), highestLevel: Number(highestLevel), versions: versions as string[] }
}

test('a live cluster goes from one build to the next: no request fails, and none is lost', async (t) => {
  const load = new Load(endpoints)
  t.after(() => load.close())
  await eventually('writes', async () => load.writes > 100)
  const check = await run(next, 'upgrade', 'check')
  assert.equal(check.exit, 0, check.stdout)
  const early = await run(next, 'upgrade', 'finalize', '--yes', '--level', String(next.levelMax))
  assert.equal(early.exit, 6)
  assert.match(early.stderr, /n1 understands feature level \d+, not \d+: upgrade it first/)

  installOver(installed, next)
  const before = load.writes
  const ran = await run(next, 'upgrade', 'run', '--dev', dataDir, '--yes', '--json')
  assert.equal(ran.exit, 0, ran.stdout)
  assert.deepEqual(new Set(json(ran)['done'] as string[]), new Set(['n1', 'n2', 'n3']))
  assert.ok(load.writes > before)
  assert.deepEqual(await upgradeStatus(), {
    featureLevel: old.levelMax,
    highestLevel: next.levelMax,
    versions: [next.version],
  })

  const noted = json(await run(next, 'audit', 'list', '--json'))['records'] as { action: string; detail: string }[]
  const maintenance = noted.filter(({ action }) => action.startsWith('maintenance'))
  assert.deepEqual(
    maintenance.map(({ detail }) => detail.replace(/: n\d, n\d, n\d$/, ': all')),
    ['upgrade to 99.0.0: all', 'upgrade to 99.0.0: done, 3 of 3 nodes done'],
  )
  assert.ok(noted.some(({ action }) => action === 'leader'))

  // It can be taken back until it is finalized.
  installOver(installed, old)
  const back = await run(old, 'upgrade', 'run', '--dev', dataDir, '--yes')
  assert.equal(back.exit, 0, back.stderr)
  installOver(installed, next)
  const again = await run(next, 'upgrade', 'run', '--dev', dataDir, '--yes')
  assert.equal(again.exit, 0, again.stderr)

  const finalized = await run(next, 'upgrade', 'finalize', '--yes')
  assert.equal(finalized.exit, 0, finalized.stderr)
  assert.equal((await upgradeStatus()).featureLevel, next.levelMax)
  const twice = await run(next, 'upgrade', 'finalize', '--yes')
  assert.deepEqual([twice.exit, twice.stderr], [0, `the feature level is ${next.levelMax} already\n`])
  const after = load.writes
  await eventually('more writes', async () => load.writes > after + 100)
  await load.finish()
})

test('after that the older build does not start, and says why; the restart that met it can be gone on with', async () => {
  installOver(installed, old)
  const failed = await run(next, 'node', 'restart', 'n2', '--dev', dataDir, '--yes', '--within', '5s')
  assert.equal(failed.exit, 8)
  assert.match(failed.stderr, /n2 does not answer/)
  assert.match(failed.stderr, /It is paused.*--resume.* restarts n2 once more if it stays down/)
  const log = readFileSync(join(dataDir, 'n2.log'), 'utf8')
  assert.match(log, new RegExp(`at feature level ${next.levelMax}, and this version knows .*: it is too old`))
  installOver(installed, next)
  const other = await run(next, 'upgrade', 'run', '--resume', '--dev', dataDir)
  assert.equal(other.exit, 7)
  const resumed = await run(next, 'node', 'restart', '--resume', '--dev', dataDir, '--json')
  assert.equal(resumed.exit, 0, resumed.stdout)
  assert.deepEqual(json(resumed)['done'], ['n2'])
})

test('a rolling restart whose command is killed is gone on with by another, and two cannot run at once', async () => {
  const args = ['node', 'restart', '--rolling', '--dev', dataDir, '--yes']
  const options = { program: programOf(next.root), env: { PAXOS_ENDPOINTS: endpoints.join(',') } }
  const first = startPaxos(args, options)
  await eventually('a node is taken', isNodeTaken)
  const second = await run(next, ...args)
  assert.equal(second.exit, 6)
  assert.match(second.stderr, /is under way: \d of 3 nodes done/)
  const ended = once(first, 'exit')
  first.kill('SIGKILL')
  await ended
  const resumed = await run(next, 'node', 'restart', '--rolling', '--resume', '--dev', dataDir, '--json')
  assert.equal(resumed.exit, 0, resumed.stdout)
  assert.deepEqual(new Set(json(resumed)['done'] as string[]), new Set(['n1', 'n2', 'n3']))
  assert.equal(await maintenance(), undefined)
})

test('a restart command that fails pauses, an interrupt too, and both can be given up', async () => {
  const command = ['node', 'restart', '--rolling', '--yes', '--restart-command']
  const failed = await run(next, ...command, 'echo {name} at {host} is broken; exit 3')
  assert.equal(failed.exit, 6)
  assert.match(failed.stderr, /ended with exit status 3: echo n\d at 127\.0\.0\.1 is broken/)
  assert.equal((await run(next, 'node', 'restart', '--abandon')).exit, 0)

  const options = { program: programOf(next.root), env: { PAXOS_ENDPOINTS: endpoints.join(',') } }
  const waiting = startPaxos([...command, 'true {name}'], options)
  await eventually('a node is taken', isNodeTaken)
  const ended = once(waiting, 'exit')
  waiting.kill('SIGINT')
  await ended
  assert.equal((await maintenance())?.state, 'paused')
  assert.equal((await run(next, 'node', 'restart', '--abandon')).exit, 0)
  assert.equal(await maintenance(), undefined)
})

test('an upgrade that is paused says how to go on, and goes on to its own version', async () => {
  const broken = ['--restart-command', 'echo {name}; exit 3', '--yes']
  assert.equal((await run(next, 'upgrade', 'run', '--to', '99.1.0', ...broken)).exit, 6)
  const status = await run(next, 'upgrade', 'status')
  assert.match(status.stdout, /0 of 3 nodes done\n`paxos upgrade run --resume`/)
  const other = await run(next, 'upgrade', 'run', '--resume', '--to', '99.2.0', ...broken)
  assert.match(other.stderr, /and this is for 99\.2\.0/)
  const resumed = await run(next, 'upgrade', 'run', '--resume', ...broken)
  assert.match(resumed.stderr, /^An upgrade to 99\.1\.0.* is paused.*ended with exit status 3/s)
  assert.equal((await run(next, 'upgrade', 'run', '--abandon')).exit, 0)
})

test('a run that cannot work takes no lock, and a dry run says the same', async () => {
  const command = ['node', 'restart', '--rolling']
  const dry = [...command, '--dry-run']
  const wrong = ['--dev', join(folder, 'nodir')]
  const refused = await run(next, ...command, ...wrong, '--yes')
  assert.equal(refused.exit, 7)
  assert.match(refused.stderr, /nodir is not the directory of a `paxos dev`/)
  assert.equal(await maintenance(), undefined)

  const could = await run(next, ...dry, '--dev', dataDir, '--json')
  assert.deepEqual([could.exit, json(could)['problems']], [0, []])
  const misled = await run(next, ...dry, ...wrong)
  assert.equal(misled.exit, 6)
  assert.match(misled.stdout, /^not now: .*nodir is not the directory/m)
  assert.equal((await run(next, ...dry)).exit, 2)

  assert.equal((await run(next, ...command, '--restart-command', 'echo {name}; exit 3', '--yes')).exit, 6)
  const second = await run(next, ...dry, '--dev', dataDir, '--json')
  assert.equal(second.exit, 6)
  assert.match(String(json(second)['problems']), /^A rolling restart, .* is paused .*: 0 of 3 nodes done$/)
  assert.equal((await run(next, 'node', 'restart', '--abandon')).exit, 0)
})

test('a new node of the older build is not let in', async (t) => {
  const base = await freeBasePort(1)
  const [client, peer] = [`127.0.0.1:${base}`, `127.0.0.1:${base + 100}`]
  const join = endpoints.map((endpoint) => endpoint.slice('http://'.length)).join(',')
  const args = ['node', 'start', '--name', 'n4', '--join', join, '--data-dir', `${folder}/n4`]
  const node = startPaxos([...args, '--listen-client', client, '--listen-peer', peer], { program: programOf(old.root) })
  t.after(async () => {
    const ended = once(node, 'exit')
    node.kill('SIGTERM')
    await ended
  })
  const add = ['member', 'add', 'n4', '--address', peer, '--yes']
  let ran = await run(next, ...add)
  // It may not listen yet.
  await eventually('n4 waits', async () => {
    ran = await run(next, ...add)
    return !/cannot be reached/.test(ran.stderr)
  })
  assert.equal(ran.exit, 6)
  assert.match(ran.stderr, /n4 runs .*: The cluster is at feature level \d+, and this version knows .*: it is too old/)
})

async function isNodeTaken(): Promise<boolean> {
  const found = await maintenance()
  return found !== undefined && found.current !== null
}

/** Undefined when none is under way. `current` is null also while none has been written. */
async function maintenance(): Promise<{ state: unknown; current: unknown } | undefined> {
  const record = json(await run(next, 'upgrade', 'status', '--json'))['maintenance']
  if (typeof record !== 'object' || record === null) return undefined
  const { state, current }: Record<string, unknown> = { ...record }
  return { state, current }
}
