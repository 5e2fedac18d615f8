import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import type { BenchmarkResult } from '../../src/cli/bench/result.ts'
import { freeBasePort } from '../cluster/ports.ts'
import { eventually, json, paxos, type Ran, startPaxos } from './paxos.ts'

const folder = mkdtempSync(join(tmpdir(), 'paxos-bench-'))
let endpoint = ''
let dev: ChildProcess

before(async () => {
  const basePort = await freeBasePort(1)
  endpoint = `127.0.0.1:${basePort}`
  const dataDir = join(folder, 'dev')
  dev = startPaxos(['dev', '--nodes', '1', '--data-dir', dataDir, '--base-port', String(basePort), '--json'])
  assert.ok(dev.stdout)
  await once(createInterface({ input: dev.stdout }), 'line')
})

after(async () => {
  const ended = once(dev, 'exit')
  dev.kill('SIGINT')
  await ended
  rmSync(folder, { recursive: true, force: true })
})

function run(...args: string[]): Promise<Ran> {
  return paxos(args, { env: { PAXOS_ENDPOINTS: endpoint } })
}

async function keysBelow(prefix: string): Promise<number> {
  const { items } = json(await run('kv', 'list', '--prefix', prefix, '--json'))
  assert.ok(Array.isArray(items))
  return items.length
}

const quick = ['--duration', '300ms', '--warm-up', '50ms', '--keys', '50']

for (const via of ['stream', 'http']) {
  for (const workload of ['put', 'get', 'mixed', 'txn']) {
    test(`${workload} through ${via} is measured without an error`, async () => {
      const ran = await run('bench', workload, '--via', via, ...quick, '--in-flight', '8', '--json')
      assert.equal(ran.exit, 0, ran.stderr)
      const result = JSON.parse(ran.stdout) as BenchmarkResult
      assert.deepEqual([result.workload, result.via, result.errors, result.keysLeft], [workload, via, {}, false])
      assert.ok(result.requests > 0 && result.perSecond > 0)
      assert.deepEqual(Object.keys(result.operations).sort(), workload === 'mixed' ? ['get', 'put'] : [workload])
      const { p50, p90, p99, p999, max } = result.latencyMs
      assert.ok(p50 > 0 && p50 <= p90 && p90 <= p99 && p99 <= p999 && p999 <= max, JSON.stringify(result.latencyMs))
      assert.ok((result.correctedMs?.p99 ?? 0) >= p50)
    })
  }
}

test('afterwards nothing is left of it', async () => {
  assert.equal(await keysBelow('paxos-bench/'), 0)
})

test('a rate is kept, from stale reads of each endpoint', async () => {
  const args = ['--stale', '--spread', '--clients', '2', '--rate', '200', '--distribution', 'zipf', '--json']
  const result = JSON.parse((await run('bench', 'get', ...quick, ...args)).stdout) as BenchmarkResult
  assert.equal((result.operations.get?.requests ?? 0) + result.unsent, 60)
  assert.deepEqual([result.rate, result.correctedMs, result.consistency], [200, null, 'stale'])
  assert.ok((result.latenessMs?.max ?? 0) > 0)
})

test('what the cluster refuses is counted by code, and a run without an answer exits 10', async () => {
  for (const via of ['stream', 'http']) {
    const ran = await run(
      'bench',
      'put',
      '--via',
      via,
      // Time for a refusal of so much on a loaded machine.
      '--duration',
      '2s',
      '--warm-up',
      '0s',
      '--keys',
      '50',
      '--value-bytes',
      '2000000',
      '--in-flight',
      '2',
      '--json',
    )
    const result = JSON.parse(ran.stdout) as BenchmarkResult
    assert.deepEqual([ran.exit, result.requests, Object.keys(result.errors)], [10, 0, ['TOO_LARGE']], ran.stderr)
    assert.match(result.errorMessages['TOO_LARGE'] ?? '', /./)
  }
})

test('for people it is a few lines on stdout', async () => {
  const { stdout } = await run('bench', ...quick)
  assert.match(stdout, /^load +put through the client stream, leader n1\n/)
  assert.match(stdout, /^latency +p50 [\d.]+ ms, p90 .* p99\.9 .* max /m)
  assert.match(stdout, /^corrected +p50/m)
})

test('Ctrl-C ends it, tells what was measured and cleans up', async () => {
  const args = ['bench', 'mixed', '--duration', '1h', '--warm-up', '0s', '--keys', '500', '--json']
  const child = startPaxos(args, { env: { PAXOS_ENDPOINTS: endpoint } })
  assert.ok(child.stdout)
  const [output, ended] = [text(child.stdout), once(child, 'exit')]
  await eventually('it has written', async () => (await keysBelow('paxos-bench/')) > 0)
  child.kill('SIGINT')
  const [exit] = await ended
  const result = JSON.parse(await output) as BenchmarkResult
  assert.deepEqual([exit, result.interrupted, result.keysLeft], [130, true, false])
  assert.equal(await keysBelow(result.prefix), 0)
})

test('without a cluster nothing is measured, and impossible key spaces are refused', async () => {
  const nobody = await paxos(['bench', '--endpoints', '127.0.0.1:9', '--timeout', '500ms', '--json'])
  assert.deepEqual([nobody.exit, (json(nobody)['error'] as { code: string }).code], [3, 'CANNOT_CONNECT'])
  assert.equal((await run('bench', '--keys', '1000', '--key-bytes', '23')).exit, 2)
  assert.equal((await run('bench', 'txn', '--keys', '1')).exit, 2)
  assert.equal((await run('bench', 'frobnicate')).exit, 2)
})
