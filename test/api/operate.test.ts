import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { request } from 'undici'
import { PaxosError } from '../../src/base/error.ts'
import { AdminClient } from '../../src/client/admin.ts'
import { defaultApiLimits } from '../../src/daemon/api/context.ts'
import { ApiServer } from '../../src/daemon/api/server.ts'
import { encodeRequest } from '../../src/machine/command-codec.ts'
import { defaultRequestLimits } from '../../src/machine/limits.ts'
import type { Key } from '../../src/machine/request.ts'
import { auditLevel } from '../../src/protocol/feature-level.ts'
import { type Slot, toIncarnation, toNodeId, toSlot } from '../../src/protocol/ids.ts'
import type { ChainReport } from '../../src/runtime/chain-comparison.ts'
import type { MemberStatusJson } from '../../src/wire/api-types.ts'
import { until } from '../cluster/until.ts'
import { diagnosisOf } from '../doctor/facts.ts'
import { nothingKept, reclaimed, startNode } from './node-fixture.ts'
import { SharedLog, SingleReplica } from './single-replica.ts'

test('status says who the node is, what its group does and where the members are', async (t) => {
  const node = await startNode(t)
  await node.call('PUT', '/v1/kv/k', { body: 'v' })
  const { json } = await node.call('GET', '/v1/status')
  assert.equal(json.clusterId, 'c1')
  assert.equal(json.node.name, 'n1')
  assert.equal(json.node.pid, process.pid)
  assert.deepEqual(
    [json.groups[0].role, json.groups[0].leader, json.groups[0].ballot, json.groups[0].chosen, json.groups[0].revision],
    ['leader', 'n1', '3.1', 1, 1],
  )
  assert.deepEqual(
    json.members.map((m: { name: string; clientAddress: string | null; lagSlots: number }) => [m.name, m.lagSlots]),
    [
      ['n1', 0],
      ['n2', 0],
      ['n3', 0],
    ],
  )
  assert.equal(json.members[0].clientAddress, `127.0.0.1:${node.port}`)
  assert.equal(json.members[1].clientAddress, null)
})

test('how far a member is behind that does not answer is not known', async (t) => {
  const node = await startNode(t)
  node.replica.silent.add(toNodeId(3))
  const { members } = (await node.call('GET', '/v1/status')).json
  const seen = members.map(({ reachable, lagSlots }: MemberStatusJson) => [reachable, lagSlots])
  assert.deepEqual(seen, [
    [true, 0],
    [true, 0],
    [false, null],
  ])
})

function putOf(key: string): Uint8Array {
  const command = { kind: 'put', key: key as Key, value: new Uint8Array(3), ifVersion: undefined } as const
  return encodeRequest({ session: undefined, command })
}

test('livez holds without a leader; readyz says why the node is not ready', async (t) => {
  const node = await startNode(t)
  assert.deepEqual((await node.call('GET', '/readyz')).json, { ready: true, reason: null })
  node.log.leader = undefined
  node.replica.notReady = 'no leader is known'
  assert.equal((await node.call('GET', '/livez')).status, 200)
  const readyz = await node.call('GET', '/readyz')
  assert.equal(readyz.status, 503)
  assert.deepEqual(readyz.json, { ready: false, reason: 'no leader is known' })
  assert.equal((await node.call('GET', '/v1/status')).json.groups[0].leader, null)
})

test('the log level changes at run time', async (t) => {
  const node = await startNode(t)
  assert.deepEqual((await node.call('GET', '/v1/log-level')).json, { level: 'info' })
  assert.deepEqual((await node.call('PUT', '/v1/log-level', { body: '{"level":"debug"}' })).json, { level: 'debug' })
  assert.deepEqual((await node.call('GET', '/v1/log-level')).json, { level: 'debug' })
})

test('metrics come as the node makes them', async (t) => {
  const node = await startNode(t)
  const metrics = await node.call('GET', '/metrics')
  assert.match(metrics.text, /paxos_up 1/)
  assert.match(metrics.headers['content-type'] ?? '', /version=0\.0\.4/)
})

test('the configuration and the newest log lines come as the node has them', async (t) => {
  const node = await startNode(t)
  assert.deepEqual((await node.call('GET', '/v1/config')).json.settings, { name: 'n1', q1: null, insecure: false })
  assert.equal((await node.call('GET', '/v1/log-lines')).text, '{"level":"info","msg":"serving"}\n')
})

test('a diagnosis comes as the node makes it', async (t) => {
  const node = await startNode(t)
  const { json } = await node.call('GET', '/v1/diagnosis')
  assert.deepEqual(json, diagnosisOf('n1'))
})

test('the log shows slots with their commands decoded, and values only when asked', async (t) => {
  const node = await startNode(t)
  const { id } = (await node.call('POST', '/v1/sessions', { body: '{"ttlMs":60000}' })).json
  const headers = { 'paxos-session': id, 'paxos-seq': '1' }
  await node.call('PUT', '/v1/kv/k%ff', { body: 'value', headers })
  await node.call('DELETE', '/v1/kv?prefix=k')
  node.log.append([Buffer.from('not a request')])
  const lines = async (query: string) =>
    (await node.call('GET', `/v1/log${query}`)).text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
  const all = await lines('')
  assert.deepEqual(
    all.map((line) => [line.slot, line.state, line.ballot, line.kind, line.commands[0].kind]),
    [
      [0, 'chosen', '3.1', 'batch', 'openSession'],
      [1, 'chosen', '3.1', 'batch', 'put'],
      [2, 'chosen', '3.1', 'batch', 'deleteRange'],
      [3, 'chosen', '3.1', 'batch', 'malformed'],
    ],
  )
  assert.deepEqual(all[1].commands[0], { kind: 'put', key64: 'a/8=', valueBytes: 5, session: id, seq: 1 })
  assert.deepEqual(all[2].commands[0], { kind: 'deleteRange', start: 'k', end: 'l' })
  assert.equal((await lines('?from=1&to=2&values=true'))[0].commands[0].value, 'value')
  assert.deepEqual(await lines('?from=9'), [])
  node.log.truncatedUpTo = 2
  const truncated = (await lines('?from=0&to=3'))[0]
  assert.deepEqual(truncated, { slot: 0, upTo: 2, epoch: null, state: 'truncated', ballot: null, kind: null })
})

test('a long log comes whole', async (t) => {
  const node = await startNode(t)
  const puts = 1000
  for (let i = 0; i < puts; i++) node.log.append([])
  const { text } = await node.call('GET', '/v1/log')
  assert.deepEqual(
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line).slot),
    Array.from({ length: puts }, (_, i) => i),
  )
})

test('following the log shows each slot once it is chosen, and ends when the loop ends', async (t) => {
  const node = await startNode(t, { limits: { followersMax: 1 } })
  const admin = new AdminClient()
  t.after(() => admin.close())
  await node.call('PUT', '/v1/kv/a', { body: '1' })
  const seen: number[] = []
  for await (const line of admin.log(node.endpoint, { from: 0, follow: true })) {
    seen.push(line.slot)
    if (seen.length === 1) {
      const refused = await node.call('GET', '/v1/log?follow=true')
      assert.equal(refused.status, 429)
    }
    if (seen.length === 3) break
    await node.call('PUT', '/v1/kv/a', { body: '2' })
  }
  assert.deepEqual(seen, [0, 1, 2])
})

test('chains of all members are compared, and the one that differs is named with its first slot', async (t) => {
  const node = await startNode(t)
  for (const key of ['a', 'b', 'c', 'd']) await node.call('PUT', `/v1/kv/${key}`, { body: 'v' })
  const same = (await node.call('GET', '/v1/log/verify')).json
  assert.deepEqual([same.verdict, same.checkedUpTo, same.group, same.epoch], ['same', 4, '0', 1])
  const chain = same.members[0].chain
  assert.match(chain, /^[0-9a-f]{32}$/)
  assert.notEqual(chain, '0'.repeat(32))
  const answer = { state: 'same', applied: 4, revision: 4, since: 0, slot: 4, firstSlot: null, beforeSlot: null }
  assert.deepEqual(
    same.members,
    ['n1', 'n2', 'n3'].map((member) => ({ member, ...answer, chain })),
  )
  const report = (slots: readonly Slot[], divergesAt: number): ChainReport => ({
    ...{ appliedUpTo: toSlot(4), since: toSlot(0), revision: 4, compactedRevision: 0 },
    values: new Map(
      slots.map((slot) => [slot, slot > divergesAt ? `other ${slot}`.padEnd(16) : `right ${slot}`.padEnd(16)]),
    ),
  })
  node.replica.chainReports = (slots) => new Map([1, 2, 3].map((id) => [toNodeId(id), report(slots, id === 3 ? 2 : 9)]))
  const bad = (await node.call('GET', '/v1/log/verify')).json
  assert.equal(bad.verdict, 'diverged')
  const states = bad.members.map((m: { state: string; firstSlot: number | null }) => [m.state, m.firstSlot])
  assert.deepEqual(states, [
    ['same', null],
    ['same', null],
    ['diverged', 2],
  ])
  node.replica.chainReports = (slots) => new Map([[toNodeId(1), report(slots, 9)]])
  const few = await node.call('GET', '/v1/log/verify?from=1&to=3')
  assert.deepEqual([few.status, few.json.verdict, few.json.members[1].state], [200, 'unknown', 'silent'])
})

test('the keys of all members are compared page by page', async (t) => {
  const node = await startNode(t)
  for (let at = 0; at < 1005; at++) node.log.append([putOf(`key/${String(at).padStart(4, '0')}`)])
  const first = (await node.call('GET', '/v1/log/verify/content')).json
  assert.deepEqual(
    [first.verdict, first.revision, first.keys, first.more, first.next],
    ['same', 1005, 1000, true, 'key/0999\0'],
  )
  const start = encodeURIComponent(first.next)
  await node.call('PUT', '/v1/kv/later', { body: 'x' })
  const last = (await node.call('GET', `/v1/log/verify/content?revision=1005&start=${start}`)).json
  assert.deepEqual([last.verdict, last.keys, last.more, last.next], ['same', 5, false, undefined])
  const spoilt = { keys: 1, hash: 'another hash....' }
  node.replica.contentReport = (id, { bounds }) =>
    id === 2 ? { state: 'hashed', parts: bounds.map(() => spoilt) } : undefined
  const bad = (await node.call('GET', `/v1/log/verify/content?revision=1005&start=${start}`)).json
  assert.deepEqual([bad.verdict, bad.firstKey, bad.beforeKey], ['diverged', 'key/0999\0', 'key/1000'])
  assert.deepEqual(
    bad.members.map(({ state }: { state: string }) => state),
    ['same', 'diverged', 'same'],
  )
  const future = await node.call('GET', '/v1/log/verify/content?revision=9999')
  assert.deepEqual([future.status, future.json.error.code], [400, 'BAD_REQUEST'])
})

test('gaps are classified over what the members say', async (t) => {
  const node = await startNode(t)
  for (let i = 0; i < 3; i++) await node.call('PUT', '/v1/kv/a', { body: '1' })
  const watermark = { chosenUpTo: toSlot(3), truncatedUpTo: toSlot(0), promised: { round: 3, node: 1 } }
  node.replica.reports = [
    { ...watermark, node: toNodeId(1), votedUpTo: toSlot(3), slots: [] },
    {
      ...watermark,
      node: toNodeId(2),
      votedUpTo: toSlot(6),
      slots: [{ slot: toSlot(5), state: 'voted', round: 2, node: 2 }],
    },
  ]
  const { json } = await node.call('GET', '/v1/log/gaps')
  assert.deepEqual([json.answered, json.silent, json.highestVoted, json.to], [['n1', 'n2'], ['n3'], 5, 6])
  // A log that keeps more chosen slots than one report looks at hides no gap.
  assert.equal(json.from, 3)
  assert.deepEqual(
    json.rows.map((row: { from: number; to: number; class: string }) => [row.from, row.to, row.class]),
    [
      [3, 5, 'hole'],
      [5, 6, 'undecided'],
    ],
  )
  assert.equal(json.known, true)
})

test('with too few answers it is not known that there are no gaps, and nothing is said to be filled', async (t) => {
  const node = await startNode(t)
  await node.call('PUT', '/v1/kv/a', { body: '1' })
  const all = await node.call('GET', '/v1/log/gaps')
  assert.deepEqual([all.json.rows, all.json.silent, all.json.known], [[], ['n2', 'n3'], false])
  for (const body of ['{}', '{"dryRun":true}']) {
    const { status, json } = await node.call('POST', '/v1/log/fill', { body })
    assert.deepEqual([status, json.error.code], [503, 'NO_QUORUM'])
    assert.match(json.error.message, /n2, n3 did not/)
  }
  // What is chosen is no gap, whoever is silent.
  assert.equal((await node.call('GET', '/v1/log/gaps?from=0&to=1')).json.known, true)
})

test('members are named and counted over the API as in a configuration', async (t) => {
  const node = await startNode(t)
  const change = async (members: readonly object[]): Promise<string> => {
    const { status, json } = await node.call('POST', '/v1/epoch', { body: JSON.stringify({ members, dryRun: true }) })
    assert.equal(status, 400)
    return json.error.message
  }
  for (const name of ['-n1', '', 'n 1', 'n'.repeat(64)]) {
    assert.match(await change([{ name, kind: 'acceptor' }]), /"name" in a member must be a name of up to 63 letters/)
  }
  const many = Array.from({ length: 32 }, (_, at) => ({ name: `n${at}`, kind: 'acceptor' }))
  assert.match(await change(many), /more than 31 members/)
})

test('the unix socket serves the same API, to its owner only', async (t) => {
  const node = await startNode(t)
  assert.equal(statSync(node.socketPath).mode & 0o777, 0o600)
  const admin = new AdminClient()
  t.after(() => admin.close())
  assert.equal((await admin.status(`unix:${node.socketPath}`)).node.name, 'n1')
})

test('a node that does not lead names the one that does, with its address if it is known', async (t) => {
  const addresses = new Map<number, string>()
  const node = await startNode(t, { id: 2, addresses })
  const hint = async (): Promise<string> => {
    const { status, json } = await node.call('POST', '/v1/leader', { body: '{"to":"n2"}' })
    assert.deepEqual([status, json.error.code], [503, 'NO_LEADER'])
    return json.error.hint
  }
  assert.equal(await hint(), 'Ask n1; its client address is not known here.')
  addresses.set(1, 'h:7601')
  assert.equal(await hint(), 'Ask n1 at h:7601.')
})

test('leadership is handed over, and not by a node that loses it while that is being noted', async (t) => {
  const node = await startNode(t)
  const to = (name: string) => node.call('POST', '/v1/leader', { body: JSON.stringify({ to: name }) })
  const handed = await to('n2')
  assert.deepEqual([handed.status, handed.json, node.log.leader], [200, { from: 'n1', to: 'n2' }, 2])

  node.log.leader = toNodeId(1)
  node.replica.featureLevel = auditLevel
  node.replica.held = true
  const late = to('n3')
  await until('the note is on its way', 10_000, () => node.replica.submits === 1)
  node.log.leader = toNodeId(2)
  node.replica.release()
  const { status, json } = await late
  assert.deepEqual([status, json.error.code, node.log.leader], [503, 'NO_LEADER', 2])
})

test('a port in use is a clear error, and the socket of a dead process is replaced', async (t) => {
  const node = await startNode(t)
  const options = (port: number) => ({ host: '127.0.0.1', port, socketPath: node.socketPath })
  const context = {
    clusterId: 'c1',
    node: {
      name: 'n1',
      id: toNodeId(1),
      incarnation: toIncarnation(1),
      version: '0',
      clientAddress: '',
      peerAddress: '',
    },
    replica: new SingleReplica(new SharedLog()),
    keptLog: nothingKept,
    requestLimits: defaultRequestLimits,
    auditWrites: false,
    limits: defaultApiLimits,
    logger: { info: nothing, warn: nothing, debug: nothing },
    metricsText: () => Promise.resolve(''),
    config: () => ({ settings: {} }),
    logLines: () => '',
    diagnosis: () => Promise.reject(new Error('nobody asks')),
    survivor: () => assert.fail('nobody asks'),
    space: () => Promise.reject(new Error('nobody asks')),
    reclaim: { status: reclaimed, start: () => Promise.resolve() },
    stateSizes: () => ({ records: [], done: true }),
    memberClientAddress: () => undefined,
    memberFeatureLevels: () => undefined,
    whyShunned: () => undefined,
    getLogLevel: () => 'info',
    setLogLevel: nothing,
  }
  await assert.rejects(new ApiServer(context, options(node.port)).start(), (error) => {
    assert.ok(error instanceof PaxosError)
    assert.equal(error.code, 'PORT_IN_USE')
    assert.match(error.message, new RegExp(String(node.port)))
    return true
  })
  const other = new ApiServer(context, options(0))
  await other.start()
  assert.ok(existsSync(node.socketPath))
  await other.stop(0)
})

test('stopping finishes what is open, refuses what is new and closes everything', async (t) => {
  const node = await startNode(t)
  node.replica.held = true
  const open = node.call('PUT', '/v1/kv/k', { body: 'v' })
  const idle = await node.raw()
  idle.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n')
  await idle.untilText('{"live":true}')
  while (node.replica.submits === 0) await new Promise(setImmediate)
  const stopped = node.server.stop(5000)
  node.replica.release()
  assert.equal((await open).status, 200)
  await stopped
  await idle.closed()
  await assert.rejects(request(`${node.endpoint}/livez`))
  assert.ok(!existsSync(node.socketPath))
})

test('stopping does not wait for ever for what cannot finish', async (t) => {
  const node = await startNode(t)
  node.replica.held = true
  const raw = await node.raw()
  raw.write('PUT /v1/kv/k HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nv')
  while (node.replica.submits === 0) await new Promise(setImmediate)
  await node.server.stop(50)
  await raw.closed()
})

test('the admin client names the endpoint that does not answer, and passes on the errors of one that does', async (t) => {
  const node = await startNode(t)
  const admin = new AdminClient()
  t.after(() => admin.close())
  assert.deepEqual(await admin.ready(node.endpoint), { ready: true, reason: null })
  node.replica.notReady = 'catching up'
  assert.deepEqual(await admin.ready(node.endpoint), { ready: false, reason: 'catching up' })
  await admin.setLogLevel(node.endpoint, 'warn')
  assert.equal(await admin.logLevel(node.endpoint), 'warn')
  assert.equal((await admin.gaps(node.endpoint)).rows.length, 0)
  assert.equal((await admin.verify(node.endpoint)).verdict, 'same')
  assert.match(await admin.metrics(node.endpoint), /paxos_up/)
  const code = (wanted: string) => (error: unknown) => {
    assert.ok(error instanceof PaxosError)
    assert.equal(error.code, wanted)
    return true
  }
  await assert.rejects(admin.gaps(node.endpoint, { from: 2, to: 1 }), code('BAD_REQUEST'))
  await assert.rejects(admin.status('ftp://x'), code('USAGE'))
  await node.server.stop(0)
  await assert.rejects(admin.status(node.endpoint), (error) => {
    assert.match(String(error), new RegExp(node.endpoint))
    return code('CANNOT_CONNECT')(error)
  })
  await assert.rejects(admin.status('unix:/nowhere/paxos.sock'), code('CANNOT_CONNECT'))
})

function nothing(): void {}
