/** Hostile bytes through real sockets, to the client port and the peer port of a real node, beside an honest client. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Random } from '../../src/base/random.ts'
import type { PaxosClient } from '../../src/client/client.ts'
import { peerPath, peerToken } from '../../src/daemon/net/peer-limits.ts'
import { clientFrames, clientProtocol, clientStreamPath } from '../../src/wire/client-codec.ts'
import { encodeFrame } from '../../src/wire/frame.ts'
import { peerFrame } from '../../src/wire/hello.ts'
import { withCluster } from '../cluster/cluster.ts'
import { mutateBytes } from './mutate.ts'
import { recordTraffic, type Traffic } from './traffic.ts'

const seed = 77
const honestOperations = 200
const attackers = 6
/** How long an attacker leaves a connection open that the node does not close. */
const lingerMs = 150
const mostRss = 400 * 1024 * 1024

const head = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')
const requests = [
  'PUT /v1/kv/a%2fb HTTP/1.1\nhost: x\ncontent-length: 5\n\nhello',
  'PUT /v1/kv/k HTTP/1.1\nhost: x\ntransfer-encoding: chunked\nif-version: 3\n\n5\nhello\n0\n\n',
  'GET /v1/kv?prefix=p&limit=10&consistency=stale HTTP/1.1\nhost: x\n\n',
  'POST /v1/txn HTTP/1.1\nhost: x\ncontent-length: 40\n\n{"compare":[],"then":[{"get":{"key":"a"}}]}',
  'GET /v1/log?from=0&values=true HTTP/1.1\nhost: x\n\n',
  'DELETE /v1/kv/gone HTTP/1.1\nhost: x\npaxos-session: 1\npaxos-seq: 1\n\n',
  'GET /v1/status HTTP/1.1\nhost: x\nexpect: 100-continue\n\n',
].map(head)

const upgrade = (path: string, token: string): Buffer =>
  head(`GET ${path} HTTP/1.1\nhost: x\nconnection: Upgrade\nupgrade: ${token}\n\n`)

class Attack {
  readonly #random: Random
  readonly #traffic: Traffic
  readonly #ports: readonly [client: number, peer: number]
  #stopping = false
  sent = 0

  constructor(traffic: Traffic, ports: readonly [client: number, peer: number]) {
    this.#random = new Random(seed)
    this.#traffic = traffic
    this.#ports = ports
  }

  async run(): Promise<void> {
    const loop = async (): Promise<void> => {
      while (!this.#stopping) await this.#once()
    }
    await Promise.all(Array.from({ length: attackers }, loop))
  }

  stop(): void {
    this.#stopping = true
  }

  async #once(): Promise<void> {
    const [client, peer] = this.#ports
    const draw = this.#random.integer(0, 3)
    const bytes = draw === 0 ? this.#http() : draw === 1 ? this.#stream() : this.#peer()
    await say(draw === 2 ? peer : client, bytes)
    this.sent++
  }

  #http(): Buffer {
    return Buffer.concat([this.#damaged(requests), this.#damaged(requests)])
  }

  #stream(): Buffer {
    const { stream } = this.#traffic
    const frames = [1, 2, 3].map(() => this.#frame(clientFrames.requests, stream.requests))
    return Buffer.concat([upgrade(clientStreamPath, clientProtocol), ...frames])
  }

  #peer(): Buffer {
    const { greetings, peer } = this.#traffic
    const greeting = this.#frame(peerFrame.hello, greetings)
    return Buffer.concat([upgrade(peerPath, peerToken), greeting, this.#frame(peerFrame.message, peer)])
  }

  /** Damaged within a whole frame, or the frame itself. */
  #frame(type: number, payloads: readonly Uint8Array[]): Uint8Array {
    if (this.#random.chance(0.7)) return encodeFrame(type, this.#damaged(payloads))
    return this.#damaged(payloads.slice(0, 20).map((payload) => encodeFrame(type, payload)))
  }

  #damaged(samples: readonly Uint8Array[]): Uint8Array {
    const pick = (): Uint8Array => samples[this.#random.integer(0, samples.length)] ?? new Uint8Array(0)
    return mutateBytes(this.#random, pick(), pick())
  }
}

/** Says it on a connection of its own and waits until the node closes, or a little. */
function say(port: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const timer = setTimeout(() => socket.destroy(), lingerMs)
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
    // Answers must be read, or the node's write queue would be what ends the connection.
    socket.resume()
    socket.write(bytes)
  })
}

/** The latency, in milliseconds, that 95 of 100 operations of one client at a time stay below. */
async function honestLatency(client: PaxosClient): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < honestOperations; n++) {
    const beganAt = performance.now()
    await client.put(`honest/${n % 10}`, String(n))
    // A damaged request may still be a valid one, and delete everything. No other value may appear.
    const text = (await client.get(`honest/${n % 10}`))?.text()
    assert.ok(text === undefined || text === String(n), `honest/${n % 10} is ${text}, not ${n}`)
    times.push(performance.now() - beganAt)
    await pause(2)
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? 0
}

test('a node under hostile bytes on both its ports goes on serving an honest client as before', async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    await cluster.startAll()
    const node = cluster.node('n1')
    const client = cluster.client()
    const calmMs = await honestLatency(client)
    const attack = new Attack(recordTraffic(seed), [node.clientPort, node.peerPort])
    const attacking = attack.run()
    // An attack that nobody stops would keep this process for ever.
    const attackedMs = await honestLatency(client).finally(() => attack.stop())
    await attacking
    assert.ok(attack.sent > 100, `only ${attack.sent} attacks`)
    // On a loaded machine a turn of the processor alone takes tens of milliseconds.
    assert.ok(attackedMs < 3 * calmMs + 100, `${attackedMs} ms under attack, ${calmMs} ms before`)
    assert.ok((await node.readiness()).ready)
    assert.ok((await node.metric('process_resident_memory_bytes')) < mostRss)
  })
})
