import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { maintenanceKey } from '../../src/machine/request.ts'
import { freeBasePort } from '../cluster/ports.ts'
import { eventually, json, paxos, type Ran, type RunOptions, startPaxos } from './paxos.ts'

const folder = mkdtempSync(join(tmpdir(), 'paxos-dev-'))
const dataDir = join(folder, 'dev')
let basePort = 0
let dev: ChildProcess

/** Starts the cluster and waits for the line that says that it serves. */
async function startDev(
  ...args: string[]
): Promise<{ child: ChildProcess; nodes: { name: string; endpoint: string; pid: number }[] }> {
  const child = startPaxos(['dev', '--data-dir', dataDir, '--json', ...args])
  assert.ok(child.stdout)
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return { child, nodes: JSON.parse(String(line)).nodes }
}

async function stopDev(): Promise<number | null> {
  const ended = once(dev, 'exit')
  dev.kill('SIGINT')
  const [exit] = await ended
  return exit
}

function run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const endpoints = [0, 1, 2].map((at) => `127.0.0.1:${basePort + at}`).join(',')
  return paxos(args, { ...options, env: { PAXOS_ENDPOINTS: endpoints, ...options.env } })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

before(async () => {
  basePort = await freeBasePort(3)
  dev = (await startDev('--base-port', String(basePort))).child
})

after(async () => {
  if (dev.exitCode === null) await stopDev()
  rmSync(folder, { recursive: true, force: true })
})

test('keys can be put, read, listed and deleted, and each outcome has its exit status', async () => {
  assert.equal(json(await run(['kv', 'put', 'greeting', 'hello', '--json']))['version'], 1)
  assert.equal((await run(['kv', 'get', 'greeting'])).stdout, 'hello\n')
  assert.equal((await run(['kv', 'get', 'greeting', '--raw'])).stdout, 'hello')
  assert.equal((await run(['kv', 'get', 'nothing'])).exit, 7)
  assert.equal((await run(['kv', 'put', 'greeting', 'x', '--if-version', '0'])).exit, 6)
  const listed = json(await run(['kv', 'list', '--prefix', 'gre', '--json']))
  assert.deepEqual([listed['more'], (listed['items'] as unknown[]).length], [false, 1])
  assert.equal(json(await run(['kv', 'delete', '--prefix', 'gre', '--dry-run', '--json']))['wouldDelete'], 1)
  assert.equal(json(await run(['kv', 'delete', 'greeting', '--json']))['deleted'], 1)
  assert.equal((await run(['kv', 'delete', 'greeting'])).exit, 0)
  const before = await run(['kv', 'list', '--prefix', 'gre', '--revision', '1'])
  assert.match(before.stdout + before.stderr, /greeting .*hello\n1 key at revision 1\n/)
})

test('values come from arguments, files and standard input, byte for byte', async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 27, 128])
  writeFileSync(join(folder, 'value'), bytes)
  await run(['kv', 'put', 'b1', '--file', join(folder, 'value')])
  await run(['kv', 'put', 'b2', '-'], { input: bytes })
  for (const key of ['b1', 'b2']) assert.deepEqual(Buffer.from((await run(['kv', 'get', key, '--raw'])).bytes), bytes)
  assert.equal(json(await run(['kv', 'get', 'b1', '--json']))['value64'], bytes.toString('base64'))
})

test('a transaction does what it says, and exits 6 when its compares do not hold', async () => {
  const txn = JSON.stringify({
    compare: [{ key: 't', target: 'version', op: '=', operand: 0 }],
    // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
    then: [{ put: { key: 't', value: '1' } }, { get: { key: 't' } }],
  })
  const first = await run(['kv', 'txn', '-', '--json'], { input: txn })
  assert.deepEqual([first.exit, json(first)['succeeded']], [0, true])
  const second = await run(['kv', 'txn', '-', '--json'], { input: txn })
  assert.deepEqual([second.exit, json(second)['succeeded']], [6, false])
})

test('what is imported is exported again, byte for byte, and a finished import is not repeated', async () => {
  const lines = Array.from({ length: 3000 }, (_, at) => {
    const key =
      at % 7 === 0 ? { key64: Buffer.from([0xff, at >> 8, at & 0xff]).toString('base64') } : { key: `ключ/${at}` }
    const value =
      at % 5 === 0 ? { value64: Buffer.from([at & 0xff, 0xfe]).toString('base64') } : { value: `line\n${at}\ttab` }
    return JSON.stringify({ ...key, ...value })
  })
  const file = join(folder, 'in.ndjson')
  const checkpoint = join(folder, 'checkpoint')
  writeFileSync(file, `${lines.join('\n')}\n`)
  const imported = await run(['kv', 'import', file, '--resume', checkpoint, '--prefix', 'im/', '--json'])
  assert.equal(json(imported)['records'], 3000, imported.stderr)
  const output = join(folder, 'out.ndjson')
  assert.equal((await run(['kv', 'export', '--prefix', 'im/', '--output', output])).exit, 0)
  // The prefix is what changed: in base64 it shifts every byte, so compare what the lines mean.
  const meaning = (text: string, prefix: string): string[] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => {
        const { key, key64, value, value64 } = JSON.parse(line)
        const bytes = key64 === undefined ? Buffer.from(key) : Buffer.from(key64, 'base64')
        return `${Buffer.concat([Buffer.from(prefix), bytes]).toString('hex')} ${value ?? value64}`
      })
  assert.deepEqual(meaning(readFileSync(output, 'utf8'), '').sort(), meaning(lines.join('\n'), 'im/').sort())
  const again = await run(['kv', 'import', file, '--resume', checkpoint, '--prefix', 'im/', '--json'])
  assert.deepEqual([json(again)['records'], json(again)['lines']], [0, 3000])
})

test('a list of more keys than one answer holds is whole, in order, and as of one revision', async () => {
  const { revision } = json(await run(['kv', 'put', 'after the import', '1', '--json'])) as { revision: number }
  const then = String(revision - 1)
  await run(['kv', 'delete', '--prefix', 'im/', '--yes'])
  for (const [limit, items, more] of [
    [2500, 2500, true],
    [3000, 3000, false],
    [9000, 3000, false],
  ] as const) {
    const args = ['kv', 'list', '--prefix', 'im/', '--keys-only', '--revision', then, '--limit', String(limit)]
    const listed = json(await run([...args, '--json']))
    const keys = (listed['items'] as { key?: string; key64?: string }[]).map(({ key, key64 = '' }) =>
      Buffer.from(key ?? key64, key === undefined ? 'base64' : 'utf8').toString('hex'),
    )
    assert.deepEqual([listed['more'], keys.length], [more, items])
    assert.deepEqual([...new Set(keys)].sort(), keys)
  }
  const large = Buffer.alloc(1024 * 1024, 'v')
  for (let at = 0; at < 6; at++) await run(['kv', 'put', `large/${at}`, '-'], { input: large })
  const listed = json(await run(['kv', 'list', '--prefix', 'large/', '--json']))
  assert.deepEqual([listed['more'], (listed['items'] as unknown[]).length], [false, 6])
  await run(['kv', 'delete', '--prefix', 'large/', '--yes'])
})

test('exporting what was exported and imported gives the same file', async () => {
  const first = await run(['kv', 'export'])
  await run(['kv', 'delete', '--all', '--yes'])
  assert.equal((await run(['kv', 'import', '-'], { input: first.bytes })).exit, 0)
  assert.deepEqual(Buffer.from((await run(['kv', 'export'])).bytes), Buffer.from(first.bytes))
})

test('objects of any shape are stored whole, and bad lines are skipped with their numbers', async () => {
  const input = '{"Package":"a","n":1}\nnot json\n{"Package":"b",  "n":2}\n'
  const skipped = await run(['kv', 'import', '-', '--key-field', 'Package', '--prefix', 'p/', '--on-bad', 'skip'], {
    input,
  })
  assert.equal(skipped.exit, 0)
  assert.match(skipped.stderr, /skipped line 2: the line is not JSON/)
  assert.match(skipped.stdout, /^2 records written .* 1 bad line/)
  assert.equal(
    (await run(['kv', 'export', '--prefix', 'p/', '--format', 'values'])).stdout,
    '{"Package":"a","n":1}\n{"Package":"b",  "n":2}\n',
  )
})

test('the log, its gaps and the status of nodes can be seen', async () => {
  const inspected = await run(['log', 'inspect', '--from', '0', '--to', '3'])
  assert.match(inspected.stdout, /^ *SLOT +EPOCH +BALLOT +STATE +KIND +COMMANDS\n +0 +1 +(1\.\d|-) +chosen +barrier/)
  assert.match(inspected.stdout, /put greeting \(5 bytes\)/)
  const voted = await run(['log', 'inspect', '--from', '1', '--to', '2', '--votes'])
  const each = /votes n1:(chosen|voted|none)(@1\.\d)? n2:\w+(@1\.\d)? n3:\w+(@1\.\d)?$/m
  assert.match(voted.stdout, each)
  // A quorum voted for what is chosen, at the leader's ballot.
  assert.ok((voted.stdout.match(/:(chosen|voted)@1\.\d/g) ?? []).length >= 2, voted.stdout)
  assert.match((await run(['log', 'gaps'])).stdout, /n1, n2, n3 answered\nno gaps\n/)
  assert.match((await run(['node', 'status'])).stdout, /^state +ready$/m)
  const local = await run(['node', 'status', '--json', '--endpoints', `unix:${dataDir}/n2/paxos.sock`])
  assert.equal((json(local)['node'] as { name: string }).name, 'n2')
})

test('a followed log shows slots as they are chosen, and ends quietly with its reader', async () => {
  const child = startPaxos(['log', 'inspect', '--follow', '--json', '--endpoints', `127.0.0.1:${basePort}`])
  assert.ok(child.stdout)
  const lines = createInterface({ input: child.stdout })
  const seen = once(lines, 'line')
  // A put may be chosen before the follower is there: put until one is seen.
  let done = false
  const putting = (async () => {
    while (!done) await run(['kv', 'put', 'followed', 'x'])
  })()
  const [line] = await seen
  assert.equal(JSON.parse(String(line)).state, 'chosen')
  const ended = once(child, 'exit')
  child.stdout.destroy()
  const [exit] = await ended
  done = true
  await putting
  assert.equal(exit, 0)
})

test('a second cluster on the same directory or the same ports is refused', async () => {
  const sameDirectory = await paxos(['dev', '--data-dir', dataDir])
  assert.equal(sameDirectory.exit, 6)
  assert.match(
    sameDirectory.stderr,
    new RegExp(`Another \`paxos dev\` runs on this directory.*process ${dev.pid} holds it`),
  )
  const samePorts = await paxos(['dev', '--data-dir', join(folder, 'other'), '--base-port', String(basePort)])
  assert.equal(samePorts.exit, 6)
  assert.match(samePorts.stderr, new RegExp(`Ports ${basePort}, ${basePort + 100}, .* are in use`))
})

test('a node that dies is reported, restarted after two seconds, and the cluster is healthy again', async () => {
  const pidOf = async (): Promise<number> =>
    (json(await run(['node', 'status', '--json']))['node'] as { pid: number }).pid
  const pid = await pidOf()
  let said = ''
  dev.stderr?.on('data', (chunk) => {
    said += String(chunk)
  })
  process.kill(pid, 'SIGKILL')
  await eventually('the dead node is seen', async () => (await run(['cluster', 'status'])).exit === 10)
  await eventually('the cluster is healthy again', async () => (await run(['cluster', 'status'])).exit === 0)
  assert.notEqual(await pidOf(), pid)
  assert.match(said, /n1 died \(signal SIGKILL\), starting it again in 2 s\nn1 is started again \(process \d+\)/)
})

test('Ctrl-C stops every node cleanly; stopped, they can be read; started again, they have their data', async () => {
  await run(['kv', 'put', 'kept', 'yes'])
  const view = json(await run(['cluster', 'status', '--json']))
  assert.equal(view['healthy'], true)
  // What reading commands say of a node that runs, and of the same one when it has stopped.
  const reading = [
    ['kv', 'get', 'kept', '--json'],
    ['kv', 'list', '--prefix', 'kep'],
    ['kv', 'export', '--prefix', 'kep'],
    ['epoch', 'show', '--history'],
    ['epoch', 'show', '--json'],
  ]
  const online = await Promise.all(reading.map((args) => run(args)))
  const paused = {
    ...{ format: 1, run: 'r', kind: 'restart', version: null, by: 'ann', startedAt: 'today', state: 'paused' },
    ...{ reason: 'a test', nodes: ['n1'], done: [], current: null },
  }
  await run(['kv', 'put', maintenanceKey, JSON.stringify(paused)])
  const promised = json(await run(['leader', 'show', '--json']))
  assert.equal(await stopDev(), 0)
  for (const [at, args] of reading.entries()) {
    const stopped = await paxos([...args, '--data-dir', join(dataDir, 'n1')])
    assert.equal(stopped.stdout, online[at]?.stdout, args.join(' '))
  }
  const status = await paxos(['node', 'status', '--data-dir', join(dataDir, 'n1'), '--json'])
  assert.equal(status.exit, 10)
  assert.match(status.stdout, /"notReady": "the node is stopped"/)
  const gaps = await paxos(['log', 'gaps', '--data-dir', join(dataDir, 'n1')])
  assert.equal(gaps.exit, 5)
  assert.match(gaps.stdout, /n1 answered, n2, n3 did not\nunknown: too few/)
  const listed = await paxos(['member', 'list', '--data-dir', join(dataDir, 'n1')])
  assert.match(listed.stdout, /n2 +2 +acceptor +127\.0\.0\.1:\d+ +\? +no +\?/)
  const stopped = await paxos(['node', 'status', '--data-dir', join(dataDir, 'n1')])
  assert.match(stopped.stdout, /n2 +2 +acceptor +no +\? +127\.0\.0\.1:\d+ +\?/)
  const offline = await paxos(['log', 'inspect', '--data-dir', join(dataDir, 'n1')])
  assert.match(offline.stdout, /chosen +batch +put kept \(3 bytes\)/)
  const ofStopped = (...args: string[]) => paxos([...args, '--data-dir', join(dataDir, 'n1')])
  const cluster = await ofStopped('cluster', 'status')
  assert.equal(cluster.exit, 10)
  assert.match(cluster.stdout, /n1 +follower .* the node is stopped +\?\nn2 +\? .* not asked/)
  assert.match(cluster.stdout, /unhealthy: n1 is stopped, and does not know how the others are\n$/)
  assert.deepEqual(json(await ofStopped('cluster', 'status', '--json'))['leader'], null)
  assert.match((await ofStopped('cluster', 'status', '--watch')).stderr, /cannot also be provided/)
  const leader = await ofStopped('leader', 'show')
  assert.equal(leader.exit, 5)
  const { ballot, epoch } = json(await ofStopped('leader', 'show', '--json'))
  const said = `in epoch ${epoch} it promised ballot ${ballot} last, of n${String(ballot).split('.')[1]}`
  assert.equal(leader.stdout, `n1 is stopped, and does not know who leads: ${said}\n`)
  // A candidate may have come by when its leader stopped.
  assert.ok(Number.parseFloat(String(ballot)) >= Number.parseFloat(String(promised['ballot'])))
  const upgrade = await ofStopped('upgrade', 'status')
  assert.equal(upgrade.exit, 0)
  assert.match(upgrade.stdout, /n1 +\? +\?\n.*A rolling restart, begun by ann at today, is paused \(a test\)/s)
  const mayStop = await ofStopped('member', 'ok-to-stop', '2')
  assert.equal(mayStop.exit, 10)
  assert.match(
    mayStop.stdout,
    /^no: without n2 and n1, at most 1 of 3 acceptors answer; 2 can elect and 2 can choose; n1 is/,
  )
  assert.equal((await ofStopped('member', 'ok-to-stop', 'n9')).exit, 7)
  const { child, nodes } = await startDev()
  dev = child
  await run(['kv', 'delete', maintenanceKey])
  assert.equal((await run(['kv', 'get', 'kept'])).stdout, 'yes\n')
  const pids = nodes.map((node) => node.pid)
  const ended = once(dev, 'exit')
  dev.kill('SIGKILL')
  await ended
  await eventually('the nodes follow a killed parent', async () => !pids.some(isAlive))
})

test('data that is missing or was made otherwise is refused, and --fresh begins anew', async () => {
  assert.match((await paxos(['dev', '--data-dir', dataDir, '--nodes', '5'])).stderr, /was made with --nodes 3/)
  rmSync(join(dataDir, 'n2'), { recursive: true })
  const { exit, stderr } = await paxos(['dev', '--data-dir', dataDir])
  assert.equal(exit, 6)
  assert.match(stderr, /The data of n2 .* is missing/)
  dev = (await startDev('--fresh', '--nodes', '1', '--base-port', String(basePort))).child
  assert.equal((await run(['kv', 'get', 'kept'])).exit, 7)
  assert.equal(await stopDev(), 0)
})

test('five nodes run with flexible quorums, and quorums that could miss each other are refused', async () => {
  const ports = await freeBasePort(5)
  const path = join(folder, 'five')
  const start = ['dev', '--data-dir', path, '--nodes', '5', '--base-port', String(ports), '--json', '--set']
  const refused = await paxos([...start, 'q1=3', '--set', 'q2=2'])
  assert.equal(refused.exit, 10)
  assert.match(refused.stdout, /q1 \+ q2 must exceed/)
  const child = startPaxos([...start, 'q1=4', '--set', 'q2=2'])
  assert.ok(child.stdout)
  await once(createInterface({ input: child.stdout }), 'line')
  const endpoints = `127.0.0.1:${ports}`
  const view = json(await paxos(['cluster', 'status', '--json', '--endpoints', endpoints]))
  assert.deepEqual([view['q1'], view['q2'], view['healthy']], [4, 2, true])
  assert.equal((await paxos(['kv', 'put', 'a', 'b', '--endpoints', endpoints])).exit, 0)
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  assert.equal((await ended)[0], 0)
})
