import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { PaxosError } from '../base/error.ts'
import { loadNodeConfig } from './config.ts'
import { exampleYaml } from './config-document.ts'
import type { NodeConfig } from './config-table.ts'
import { limitsDocument } from './limits-document.ts'

const members = 'n1=127.0.0.1:7701,n2=127.0.0.1:7702,n3=127.0.0.1:7703'
const needed = { name: 'n1', dataDir: 'data', bootstrapMembers: members, clusterToken: 'test-token' }
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paxos-config-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Sources {
  readonly settings?: Record<string, string>
  readonly set?: readonly string[]
  readonly env?: Record<string, string>
  readonly file?: string
}

function load({ settings = needed, set = [], env = {}, file }: Sources): NodeConfig {
  return loadNodeConfig({ settings, set, file }, env, folder)
}

function problemOf(sources: Sources): string {
  try {
    load(sources)
  } catch (error) {
    assert.ok(error instanceof PaxosError)
    assert.equal(error.code, 'BAD_CONFIG')
    assert.ok(error.hint)
    return error.message
  }
  return assert.fail('the configuration was accepted')
}

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

test('flags come before the environment, the environment before the file, the file before defaults', () => {
  write('paxos.yaml', 'node:\n  heartbeatMs: 50\n  tickMs: 5\n  slowOperationMs: 7\n')
  const config = load({
    settings: { ...needed, heartbeatMs: '70' },
    env: { PAXOS_HEARTBEAT_MS: '60', PAXOS_TICK_MS: '6' },
  })
  assert.deepEqual([config.heartbeatMs, config.tickMs, config.slowOperationMs], [70, 6, 7])
  assert.equal(config.electionTimeoutMs, 500)
})

test('limits can be given in a file, in the environment and with --set', () => {
  write('paxos.json', '{"node":{"limits":{"batchBytesMax":"256KiB","pipelineSlotsMax":4}}}')
  const { limits } = load({ env: { PAXOS_LIMITS_PIPELINE_SLOTS_MAX: '5' }, set: ['limits.keyBytesMax=64'] })
  assert.deepEqual([limits.batchBytesMax, limits.pipelineSlotsMax, limits.keyBytesMax], [262144, 5, 64])
})

test('members can be text, a list or a map', () => {
  const wanted = load({}).bootstrapMembers
  assert.equal(wanted.length, 3)
  const { bootstrapMembers: _, ...others } = needed
  for (const text of [`[${members}]`, '{n1: "127.0.0.1:7701", n2: "127.0.0.1:7702", n3: "127.0.0.1:7703"}']) {
    const file = write('other.yaml', `node:\n  bootstrapMembers: ${text}\n`)
    assert.deepEqual(load({ settings: others, file }).bootstrapMembers, wanted)
  }
})

test('a relative data directory belongs to where it was given', () => {
  assert.equal(load({}).dataDir, join(folder, 'data'))
  const file = write('x.yaml', 'node: {dataDir: there}')
  const { dataDir: _, ...others } = needed
  assert.equal(load({ settings: others, file }).dataDir, join(folder, 'there'))
})

test('what is missing is named with the ways to give it', () => {
  const { clusterToken: _, ...others } = needed
  assert.match(problemOf({ settings: others }), /clusterToken is missing.*--cluster-token.*PAXOS_CLUSTER_TOKEN/)
})

test('a wrong key names the file and the key that was probably meant', () => {
  const file = write('bad.yaml', 'node:\n  heartbeatMS: 50\n  limits: {pipelineSlotMax: 3}\n')
  const problem = problemOf({ file })
  assert.ok(problem.includes(`${file}: node.heartbeatMS is not a setting; did you mean heartbeatMs?`), problem)
  assert.ok(problem.includes('node.limits.pipelineSlotMax is not a setting; did you mean limits.pipelineSlotsMax?'))
})

test('a setting outside its section is sent there', () => {
  const file = write('bad.yaml', 'name: n1\nnodes: {}\n')
  const problem = problemOf({ file })
  assert.match(problem, /"name" belongs in the section "node"/)
  assert.match(problem, /nodes is not a setting; did you mean node\?/)
})

test('wrong types and ranges say what was given and what was wanted', () => {
  const cases: readonly (readonly [Sources, RegExp])[] = [
    [
      { settings: { ...needed, heartbeatMs: 'fast' } },
      /--heartbeat-ms is "fast", which is not a whole number from 10 to/,
    ],
    [{ env: { PAXOS_Q1: '0' } }, /PAXOS_Q1 is "0", which is not a whole number from 1 to 31/],
    [{ file: write('a.yaml', 'node: {tickMs: [1]}') }, /a\.yaml: node\.tickMs is \[1\], which is not a whole number/],
    [{ file: write('b.yaml', 'node: {tickMs: -1}') }, /node\.tickMs is -1/],
    [{ file: write('c.yaml', 'node: {tickMs: 1.5}') }, /node\.tickMs is 1\.5/],
    [{ file: write('d.yaml', 'node: {limits: 3}') }, /"node\.limits" must hold keys and values/],
    [{ file: write('e.yaml', 'node: [') }, /Cannot read the configuration file .*e\.yaml/],
    [{ file: 'missing.yaml' }, /Cannot read the configuration file missing\.yaml/],
    [{ set: ['limits.batchBytesMax=12parsecs'] }, /is "12parsecs", which is not a size from 1KiB to 3MiB/],
    [{ set: ['limits.batchBytesMax'] }, /has no value/],
    [{ settings: { ...needed, listenPeer: '7701' } }, /--listen-peer is "7701", which is not an address/],
    [{ settings: { ...needed, listenPeer: 'h:70000' } }, /not an address/],
    [{ settings: { ...needed, bootstrapMembers: 'n1=a:1,n1=b:1' } }, /--bootstrap-members/],
    [{ settings: { ...needed, bootstrapMembers: 'n1=a:1,n2=a:1' } }, /different names and addresses/],
    [{ settings: { ...needed, logLevel: 'loud' } }, /one of trace, debug, info, warn, error, fatal, silent/],
    [
      { env: { PAXOS_LEASE_MSS: '3' } },
      /PAXOS_LEASE_MSS in the environment is not a setting; did you mean PAXOS_LEASE_MS/,
    ],
    [{ env: { PAXOS_KEY_BYTES_MAX: '3' } }, /did you mean PAXOS_LIMITS_KEY_BYTES_MAX\?/],
  ]
  for (const [sources, wanted] of cases) assert.match(problemOf(sources), wanted)
})

test('variables that a container platform adds are left alone', () => {
  assert.equal(load({ env: { PAXOS_SERVICE_HOST: '10.0.0.1', PAXOS_PORT_7601_TCP_ADDR: '10.0.0.1' } }).name, 'n1')
})

test('settings that contradict each other are refused', () => {
  assert.match(problemOf({ settings: { ...needed, electionTimeoutMs: '200' } }), /less than three heartbeats/)
  assert.match(problemOf({ settings: { ...needed, tickMs: '200' } }), /more than a heartbeat/)
  assert.match(problemOf({ set: ['limits.valueBytesMax=2MiB'] }), /more than limits\.requestBytesMax/)
  const audited = { ...needed, auditWrites: 'true' }
  const small = problemOf({ settings: audited, set: ['limits.stateBytesMax=127MiB'] })
  assert.match(small, /stateBytesMax is 127MiB, too little for auditWrites.*128MiB at least/)
  assert.equal(load({ settings: audited, set: ['limits.stateBytesMax=128MiB'] }).auditWrites, true)
  assert.equal(load({ settings: audited }).limits.stateBytesMax, 0)
})

test('a listener off loopback needs --insecure typed out', () => {
  const open = { ...needed, listenPeer: '10.1.2.3:7701' }
  assert.match(problemOf({ settings: open }), /listenPeer is 10\.1\.2\.3:7701, which others can reach.*--insecure/)
  assert.equal(load({ settings: { ...open, insecure: 'true' } }).insecure, true)
  const wildcard = { ...needed, insecure: 'true', listenClient: '0.0.0.0:7601' }
  assert.match(problemOf({ settings: wildcard }), /set advertiseClient/)
  assert.ok(load({ settings: { ...wildcard, advertiseClient: 'n1.example:7601' } }))
})

test('config/node.example.yaml documents every setting and is valid', () => {
  assert.equal(readFileSync('config/node.example.yaml', 'utf8'), exampleYaml())
  const config = load({ settings: {}, file: join(process.cwd(), 'config/node.example.yaml') })
  assert.deepEqual(config.limits, load({}).limits)
  const uncommented = write(
    'all.yaml',
    exampleYaml()
      .replace(/^( +)# (\w+: )(?!.*\. )/gm, '$1$2')
      .replace(/^ +Wanted.*\n/gm, '')
      // It goes with everything but the bootstrap members.
      .replace(/^ +join: .*\n/m, ''),
  )
  assert.equal(load({ settings: {}, file: uncommented }).advertiseClient, 'n1:7601')
})

test('a node that is let into a cluster needs neither members nor token, and must not have members', () => {
  const settings = { name: 'n9', dataDir: 'd', join: '127.0.0.1:7601, 127.0.0.1:7602' }
  const config = load({ settings })
  assert.deepEqual([config.join, config.bootstrapMembers], [['127.0.0.1:7601', '127.0.0.1:7602'], []])
  const both = { ...settings, bootstrapMembers: 'n9=127.0.0.1:7701' }
  assert.throws(() => load({ settings: both }), /join and bootstrapMembers exclude each other/)
  assert.throws(() => load({ settings: { ...settings, join: 'nowhere' } }), /--join is "nowhere"/)
})

test('docs/LIMITS.md is what the table says', () => {
  assert.equal(readFileSync('docs/LIMITS.md', 'utf8'), limitsDocument())
})
