/** With a leader lease, reads need no round trip, and still none is ever stale: not even from a leader that was paused. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { test } from 'node:test'
import { type Cluster, electionTimeoutMs, withCluster } from './cluster.ts'
import type { NodeProcess } from './node-process.ts'
import { until } from './until.ts'

const leaseMs = 400
const turns = 4

test('a leader that was paused past its lease never serves what the others have overwritten', async () => {
  await withCluster({ nodes: 3, settings: { leaseMs }, proxied: true }, async (cluster) => {
    await cluster.startAll()
    let expected = 0
    for (let turn = 0; turn < turns; turn++) {
      const leader = await cluster.leader()
      const others = cluster.except(leader.name)
      const direct = cluster.clientOf(leader)
      await direct.put('k', String(++expected))
      await until('a read is served by the lease', 5000, async () => {
        assert.equal((await direct.get('k'))?.text(), String(expected))
        return (await leader.metric('paxos_reads_total{by="lease",outcome="answered"}')) > 0
      })

      const sockets = await Promise.all(Array.from({ length: 8 }, () => connected(leader)))
      leader.signal('SIGSTOP')
      await cluster.client({ endpoints: others.map((node) => node.url) }).put('k', String(++expected))
      // The leader wakes to reads that wait in its sockets and hears nothing of its successor: only its clock can tell it.
      for (const { name } of others) cluster.proxy?.cutBoth(leader.name, name)
      const answers = await Promise.all(sockets.map((socket) => ask(socket)))
      leader.signal('SIGCONT')
      const first = Promise.race(answers.map(({ answer }) => answer))
      await Promise.race([first, until('it has given up', 5000, async () => !(await isLeading(leader)))])
      cluster.proxy?.healAll()
      for (const { answer } of answers) {
        const { status, body } = await answer
        if (status === 200) assert.equal(body, String(expected), `a stale read in turn ${turn}`)
        else assert.ok(status === 503 || status === 504, `${status} ${body}`)
      }
      await cluster.ready(cluster.nodes, 20 * electionTimeoutMs)
    }
  })
})

test('a leader that is cut off and has not noticed serves no read once its lease is over', async () => {
  // Whether it notices is a matter of when its long round ends, so the schedule is tried until it has not.
  for (let tries = 0; tries < 6; tries++) if (await readAtDeposed()) return
  assert.fail('the old leader noticed every time before it could be asked')
})

/** False when the old leader noticed too early for this to say anything. */
async function readAtDeposed(): Promise<boolean> {
  const slow = { electionTimeoutMs: 12_000, heartbeatMs: 50, leaseMs }
  let wasAsked = false
  await withCluster({ nodes: 3, settings: { leaseMs }, proxied: true }, async (cluster) => {
    const [first, second, third] = cluster.nodes
    assert.ok(first !== undefined && second !== undefined && third !== undefined)
    // One of the two that are slow to notice anything comes to lead; the other starts again as a quick one.
    first.start({ settings: slow })
    second.start({ settings: slow })
    const leader = await slowLeader(cluster, third, 10 * slow.electionTimeoutMs)
    const other = leader === first ? second : first
    await other.kill()
    other.start()
    await cluster.ready(cluster.nodes, 10 * slow.electionTimeoutMs)
    if (!(await isLeading(leader))) return
    const direct = cluster.clientOf(leader)
    await direct.put('k', 'old')
    await until('a read is served by the lease', 5000, async () => {
      await direct.get('k')
      return (await leader.metric('paxos_reads_total{by="lease",outcome="answered"}')) > 0
    })
    const successors = [other, third]
    const next = cluster.client({ endpoints: successors.map((node) => node.url) })
    await next.get('k')
    for (const { name } of successors) cluster.proxy?.cutBoth(leader.name, name)
    await next.put('k', 'new')
    if (!(await isLeading(leader))) return
    const asked = await ask(await connected(leader))
    wasAsked = await isLeading(leader)
    cluster.proxy?.healAll()
    const { status, body } = await asked.answer
    if (status === 200) assert.equal(body, 'new', 'a stale read after the lease was over')
    else assert.ok(status === 503 || status === 504, `${status} ${body}`)
  })
  return wasAsked
}

/** All three run and one of the slow ones leads. If both claimed at once it takes them some of their long rounds to agree. */
async function slowLeader(cluster: Cluster, quick: NodeProcess, patienceMs: number): Promise<NodeProcess> {
  for (let tries = 0; tries < 5; tries++) {
    await cluster.leader(cluster.except(quick.name))
    quick.start()
    await cluster.ready(cluster.nodes, patienceMs)
    const leader = await cluster.leader()
    if (leader !== quick) return leader
    await quick.stop()
  }
  return assert.fail('the quick node led every time')
}

async function isLeading(node: NodeProcess): Promise<boolean> {
  return (await node.status()).groups[0]?.role === 'leader'
}

async function connected(node: NodeProcess): Promise<Socket> {
  const socket = createConnection({ host: '127.0.0.1', port: node.clientPort })
  await once(socket, 'connect')
  return socket
}

/** Resolves when the request lies in the kernel, and `answer` when the node has closed the connection. */
async function ask(socket: Socket): Promise<{ readonly answer: Promise<{ status: number; body: string }> }> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  const answer = once(socket, 'close').then(() => {
    const [head = '', body = ''] = Buffer.concat(chunks).toString('utf8').split('\r\n\r\n')
    return { status: Number(head.split(' ')[1]), body }
  })
  const request = 'GET /v1/kv/k HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'
  await new Promise((resolve) => socket.write(request, resolve))
  return { answer }
}
