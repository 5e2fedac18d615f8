import assert from 'node:assert/strict'
import { createServer, connect as netConnect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { PaxosError } from '../../src/base/error.ts'
import { PaxosClient, type PaxosClientOptions } from '../../src/client/client.ts'
import { toNodeId } from '../../src/protocol/ids.ts'
import { startNode, type TestNode } from './node-fixture.ts'
import { SharedLog } from './single-replica.ts'

function clientOf(node: TestNode, options: PaxosClientOptions): PaxosClient {
  const client = new PaxosClient(options)
  node.closers.push(() => client.close())
  return client
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PaxosError, String(error))
    assert.equal(error.code, code, error.message)
    return true
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** A proxy in front of a node. Answers can be swallowed, connections cut. */
class FaultProxy {
  readonly endpoint: string
  readonly #sockets = new Set<Socket>()
  swallowAnswers = false
  accepted = 0

  static start(t: TestContext, port: number): Promise<FaultProxy> {
    return new Promise((resolve) => {
      const server = createServer()
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        assert.ok(typeof address === 'object' && address !== null)
        const proxy = new FaultProxy(address.port)
        server.on('connection', (socket) => proxy.#onConnection(socket, port))
        resolve(proxy)
      })
      t.after(() => void server.close())
    })
  }

  constructor(port: number) {
    this.endpoint = `http://127.0.0.1:${port}`
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #onConnection(socket: Socket, port: number): void {
    this.accepted++
    const upstream = netConnect({ host: '127.0.0.1', port })
    for (const each of [socket, upstream]) {
      this.#sockets.add(each)
      each.on('error', () => undefined)
    }
    socket.on('data', (chunk) => upstream.write(chunk))
    upstream.on('data', (chunk) => {
      if (!this.swallowAnswers) socket.write(chunk)
    })
    socket.on('close', () => upstream.destroy())
    upstream.on('close', () => socket.destroy())
  }
}

test('a write whose connection is cut after it was applied is sent again and done once', async (t) => {
  const node = await startNode(t)
  const proxy = await FaultProxy.start(t, node.port)
  const client = clientOf(node, { endpoints: [proxy.endpoint], followLeader: false })
  await client.put('k', '0')
  proxy.swallowAnswers = true
  const applied = node.log.applied
  const put = client.put('k', '1')
  await until(() => node.log.applied > applied)
  proxy.swallowAnswers = false
  proxy.cut()
  assert.deepEqual((await put).version, 2)
  assert.equal(proxy.accepted, 2)
  assert.equal((await client.get('k'))?.version, 2)
})

test('writes through a connection that is cut again and again are each done once', async (t) => {
  const node = await startNode(t)
  const proxy = await FaultProxy.start(t, node.port)
  const client = clientOf(node, { endpoints: [proxy.endpoint], followLeader: false })
  let started = 0
  let done = 0
  let cuts = 0
  const work = async (): Promise<void> => {
    while (cuts < 5) {
      await client.put(`k${started++}`, 'v')
      done++
    }
  }
  const workers = Array.from({ length: 50 }, work)
  while (cuts < 5) {
    const enough = done + 100
    await until(() => done > enough)
    proxy.cut()
    await until(() => proxy.accepted === cuts + 2)
    cuts++
  }
  await Promise.all(workers)
  const { items } = await client.list()
  assert.equal(items.length, started)
  assert.ok(items.every((item) => item.version === 1))
})

test('without a session a write that was sent and not answered is OUTCOME_UNKNOWN, and not sent again', async (t) => {
  const node = await startNode(t)
  const proxy = await FaultProxy.start(t, node.port)
  const client = clientOf(node, { endpoints: [proxy.endpoint], session: false, followLeader: false })
  await client.put('k', '0')
  proxy.swallowAnswers = true
  const put = client.put('k', '1')
  put.catch(() => undefined)
  await until(() => node.log.applied === 2)
  proxy.swallowAnswers = false
  proxy.cut()
  await assert.rejects(put, hasCode('OUTCOME_UNKNOWN'))
  assert.equal((await client.get('k'))?.version, 2)
})

test('without a session a write that was certainly not done is sent again', async (t) => {
  const node = await startNode(t)
  const client = clientOf(node, { endpoints: [node.endpoint], session: false })
  node.replica.failure = { code: 'NO_LEADER', apply: false }
  const put = client.put('k', 'v')
  await until(() => node.replica.submits >= 3)
  node.replica.failure = undefined
  assert.equal((await put).version, 1)
})

test('a write that was never done says why: the code of the last refusal', async (t) => {
  const node = await startNode(t)
  const client = clientOf(node, { endpoints: [node.endpoint], session: false, timeoutMs: 200 })
  for (const code of ['NO_LEADER', 'NO_QUORUM', 'OVERLOADED', 'STOPPING'] as const) {
    node.replica.failure = { code, apply: false }
    await assert.rejects(client.put('k', 'v'), hasCode(code))
    await assert.rejects(client.get('k'), hasCode(code))
  }
})

test('no attempt is begun whose answer the deadline would cut off, so that "not done" stays certain', async (t) => {
  const node = await startNode(t)
  const client = clientOf(node, { endpoints: [node.endpoint], session: false, timeoutMs: 400 })
  node.replica.failure = { code: 'NO_LEADER', apply: false }
  await assert.rejects(client.put('k', 'v'), hasCode('NO_LEADER'))
  const [, ...retries] = node.replica.timeouts
  assert.ok(retries.length > 0)
  // A quarter of 400 ms, less the tenth by which the node gives up earlier.
  assert.ok(Math.min(...retries) >= 90, `attempts of ${node.replica.timeouts.join(', ')} ms`)
})

test('a write that may have been done stays OUTCOME_UNKNOWN even if a later attempt is refused', async (t) => {
  const node = await startNode(t)
  const client = clientOf(node, { endpoints: [node.endpoint], timeoutMs: 400 })
  await client.put('other', 'v')
  node.replica.failure = { code: 'OUTCOME_UNKNOWN', apply: false }
  const before = node.replica.submits
  const put = client.put('k', 'v')
  put.catch(() => undefined)
  await until(() => node.replica.submits > before)
  node.replica.failure = { code: 'NO_LEADER', apply: false }
  await assert.rejects(put, hasCode('OUTCOME_UNKNOWN'))
  node.replica.failure = undefined
})

test('a write that times out while it is under way is OUTCOME_UNKNOWN; a read is TIMEOUT', async (t) => {
  const node = await startNode(t)
  const client = clientOf(node, { endpoints: [node.endpoint] })
  await client.put('k', '0')
  node.replica.held = true
  await assert.rejects(client.put('k', '1', { timeoutMs: 150 }), hasCode('OUTCOME_UNKNOWN'))
  await assert.rejects(client.get('k', { timeoutMs: 150 }), hasCode('TIMEOUT'))
  node.replica.release()
  assert.equal((await client.put('k', '2')).version, 3)
})

test('an answer that a retry would change is the first one', async (t) => {
  const node = await startNode(t)
  const client = clientOf(node, { endpoints: [node.endpoint] })
  await client.put('other', 'v')
  // Applied, but reported as unknown: the retry with the same seq finds the stored reply.
  node.replica.failure = { code: 'OUTCOME_UNKNOWN', apply: true }
  const before = node.log.applied
  const put = client.put('k', 'v', { ifVersion: 0 })
  await until(() => node.log.applied > before)
  node.replica.failure = undefined
  assert.equal((await put).version, 1)
})

test('an expired session is replaced by the next write, and the write that met it is not reported done', async (t) => {
  const node = await startNode(t)
  const client = clientOf(node, { endpoints: [node.endpoint], sessionTtlMs: 5000 })
  await client.put('k', '0')
  node.log.passTime(60_000)
  node.log.append([])
  await assert.rejects(client.put('k', '1'), hasCode('SESSION_EXPIRED'))
  assert.equal((await client.put('k', '2')).version, 2)
  assert.equal(node.log.machine.sessions, 1)
})

test('an idle client keeps its session alive', async (t) => {
  const node = await startNode(t)
  const client = clientOf(node, { endpoints: [node.endpoint], sessionTtlMs: 300 })
  await client.put('k', '0')
  const applied = node.log.applied
  await until(() => node.log.applied >= applied + 3)
  assert.equal(node.log.machine.sessions, 1)
  assert.equal((await client.put('k', '1')).version, 2)
})

async function threeNodes(t: TestContext): Promise<[TestNode, TestNode, TestNode]> {
  const log = new SharedLog()
  const addresses = new Map<number, string>()
  return [
    await startNode(t, { id: 1, log, addresses }),
    await startNode(t, { id: 2, log, addresses }),
    await startNode(t, { id: 3, log, addresses }),
  ]
}

test('a client that is given a follower moves to the leader, and again when the leader changes', async (t) => {
  const [n1, n2] = await threeNodes(t)
  const client = clientOf(n1, { endpoints: [n2.endpoint] })
  await client.put('k', '0')
  await until(() => client.node === 'n1')
  await client.put('k', '1')
  assert.ok(n1.replica.submits > 0)
  n1.log.leader = toNodeId(3)
  await until(() => client.node === 'n3')
  assert.equal((await client.put('k', '2')).version, 3)
  assert.equal(client.leader, 'n3')
})

test('a client that is told not to follow the leader stays', async (t) => {
  const [n1, n2] = await threeNodes(t)
  const client = clientOf(n1, { endpoints: [n2.endpoint], followLeader: false })
  await client.put('k', '0')
  n1.log.leader = toNodeId(3)
  await until(() => client.leader === 'n3')
  await client.put('k', '1')
  assert.equal(client.node, 'n2')
  assert.equal(n1.replica.submits, 0)
})

test('a client goes on with another node when its own dies, with nothing lost or done twice', async (t) => {
  const [n1, n2, n3] = await threeNodes(t)
  const endpoints = [n1.endpoint, n2.endpoint, n3.endpoint]
  const client = clientOf(n3, { endpoints, maxInFlight: 20 })
  let done = 0
  const puts = Array.from({ length: 500 }, (_, i) => client.put(`k${i}`, 'v').then(() => done++))
  await until(() => done > 100)
  n1.log.leader = toNodeId(2)
  await n1.server.stop(0)
  await Promise.all(puts)
  const { items } = await client.list()
  assert.equal(items.length, 500)
  assert.ok(items.every((item) => item.version === 1))
})

test('a node that finds no leader for long is left for one that does', async (t) => {
  const [n1, n2] = await threeNodes(t)
  const client = clientOf(n1, { endpoints: [n1.endpoint, n2.endpoint], followLeader: false })
  await client.put('k', '0')
  assert.equal(client.node, 'n1')
  n1.replica.failure = { code: 'NO_LEADER', apply: false }
  assert.equal((await client.put('k', '1')).version, 2)
  assert.equal(client.node, 'n2')
})

test('a node that answers nothing any more is left, and the write done elsewhere', async (t) => {
  const [n1, n2] = await threeNodes(t)
  const proxy = await FaultProxy.start(t, n1.port)
  const client = clientOf(n2, { endpoints: [proxy.endpoint, n2.endpoint], followLeader: false, timeoutMs: 15_000 })
  await client.put('k', '0')
  proxy.swallowAnswers = true
  assert.equal((await client.put('k', '1')).version, 2)
  assert.equal(client.node, 'n2')
  proxy.cut()
})

test('a node that is slow but alive is waited for', async (t) => {
  const node = await startNode(t)
  const client = clientOf(node, { endpoints: [node.endpoint], session: false })
  await client.put('k', '0')
  node.replica.held = true
  const put = client.put('k', '1')
  // Longer than the client lets a silent connection be.
  await new Promise((resolve) => setTimeout(resolve, 5000))
  node.replica.release()
  assert.equal((await put).version, 2)
})
