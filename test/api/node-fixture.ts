import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Client } from 'undici'
import { type ApiContext, type ApiLimits, defaultApiLimits } from '../../src/daemon/api/context.ts'
import { ApiServer } from '../../src/daemon/api/server.ts'
import type { KeptLog } from '../../src/daemon/backup/chosen-log.ts'
import { defaultRequestLimits, type RequestLimits } from '../../src/machine/limits.ts'
import type { Epoch } from '../../src/protocol/epoch.ts'
import { firstEpoch, toIncarnation, toNodeId, toSlot } from '../../src/protocol/ids.ts'
import type { Survivor } from '../../src/protocol/recovery/survivor.ts'
import type { ReclaimJson, SpaceJson } from '../../src/wire/api-types.ts'
import { diagnosisOf } from '../doctor/facts.ts'
import { checkAnswer } from './openapi-check.ts'
import { SharedLog, SingleReplica } from './single-replica.ts'

export interface TestNode {
  readonly name: string
  readonly endpoint: string
  readonly socketPath: string
  readonly port: number
  readonly replica: SingleReplica
  readonly log: SharedLog
  readonly server: ApiServer
  readonly warnings: string[]
  /** Run before the server stops. */
  readonly closers: (() => Promise<void>)[]
  /** Calls the API and checks the answer against the OpenAPI document. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  /** A connection that says exactly what the test says. */
  raw(): Promise<RawConnection>
}

export interface CallOptions {
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array
}

export interface Answer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly bytes: Buffer
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: what a test asserts on, field by field.
  readonly json: any
}

export interface NodeOptions {
  readonly id?: number
  readonly log?: SharedLog
  readonly limits?: Partial<ApiLimits>
  readonly requestLimits?: Partial<RequestLimits>
  readonly addresses?: Map<number, string>
  readonly auditWrites?: boolean
}

const ballot = { epoch: firstEpoch, round: 1, node: toNodeId(1), incarnation: toIncarnation(1), sub: 0 }
const entry = { kind: 'batch', payload: Uint8Array.of(1, 2, 3) } as const
const slot = toSlot(4)
export const survivorExample: Survivor = {
  ...{ id: toNodeId(1), name: 'n1', clusterId: 'c1', diskId: 'd1', appliedUpTo: slot },
  epochs: [deriveEpoch()],
  logs: [
    {
      ...{ epoch: firstEpoch, promised: ballot, truncatedUpTo: toSlot(0), chosenUpTo: slot, heldUpTo: slot },
      votes: [{ slot, ballot, entry, chosen: false }],
      unknown: [toSlot(5)],
    },
  ],
  incarnations: [{ incarnation: 1, incarnationId: 'b1' }],
  met: [{ node: toNodeId(2), diskId: 'd2', incarnation: 3, incarnationId: 'b2' }],
}

function deriveEpoch(): Epoch {
  const members = ['n1', 'n2', 'n3'].map((name, at) => ({
    id: toNodeId(at + 1),
    name,
    peerAddress: '',
    kind: 'acceptor' as const,
  }))
  const sizes = { q1: 2, q2: 2, leaseMs: 0, featureLevel: 1 }
  return { number: firstEpoch, protocol: 'multi', members, ...sizes, startSlot: toSlot(0), highestId: toNodeId(3) }
}

const usage = { bytes: 819_200, usedBytes: 409_600, freeBytes: 409_600, records: 12 }

export function spaceOf(name: string): SpaceJson {
  return {
    ...{ clusterId: 'c1', node: name, revision: 3, acceptor: usage, state: usage, log: { slots: 5, bytes: 900 } },
    disk: { freeBytes: 5e10, totalBytes: 1e11, freeMinBytes: 67_108_864 },
    ...{ growthBytesPerHour: -12, diskLossBytesPerHour: 4e9, full: { inMs: 45_000_000, by: 'disk' } },
    ...{ quota: { maxBytes: 1_000_000, usedBytes: 409_600 }, refusing: null },
  }
}

export const reclaimed: ReclaimJson = {
  ...{ node: 'n1', state: 'done', beforeBytes: 819_200, afterBytes: 409_600, copiedBytes: 400_000 },
  ...{ totalBytes: 409_600, tookMs: 12, error: null },
}

/** The log is in memory, or nowhere. */
export const nothingKept: KeptLog = { keptRange: () => ({ from: toSlot(0), to: toSlot(0) }), keptEntries: () => [] }

/** A node's API over a real machine, stopped with the test. */
export async function startNode(t: TestContext, options: NodeOptions = {}): Promise<TestNode> {
  const id = options.id ?? 1
  const log = options.log ?? new SharedLog()
  const replica = new SingleReplica(log, id)
  const directory = mkdtempSync(join(tmpdir(), 'paxos-api-'))
  const socketPath = join(directory, 'paxos.sock')
  const warnings: string[] = []
  const addresses = options.addresses ?? new Map<number, string>()
  let level = 'info'
  const context: ApiContext = {
    clusterId: 'c1',
    node: {
      name: `n${id}`,
      id: toNodeId(id),
      incarnation: toIncarnation(1),
      version: '0.1.0',
      get clientAddress(): string {
        return addresses.get(id) ?? ''
      },
      peerAddress: `127.0.0.1:${7700 + id}`,
    },
    replica,
    keptLog: nothingKept,
    auditWrites: options.auditWrites ?? false,
    memberFeatureLevels: () => ({ min: 1, max: 1 }),
    requestLimits: { ...defaultRequestLimits, ...options.requestLimits },
    limits: { ...defaultApiLimits, ...options.limits },
    logger: { info: nothing, debug: nothing, warn: (_fields, message) => void warnings.push(message) },
    metricsText: () => Promise.resolve('# TYPE paxos_up gauge\npaxos_up 1\n'),
    whyShunned: () => undefined,
    config: () => ({ settings: { name: `n${id}`, q1: null, insecure: false } }),
    logLines: () => '{"level":"info","msg":"serving"}\n',
    diagnosis: () => Promise.resolve(diagnosisOf(`n${id}`)),
    survivor: () => survivorExample,
    space: () => Promise.resolve(spaceOf(`n${id}`)),
    reclaim: { status: reclaimed, start: () => Promise.resolve() },
    stateSizes: ({ start, end, recordsMax }) => {
      const all = [...log.view.range(start, end)].map(([key, value]) => ({ key, size: value.length, value }))
      return { records: all.slice(0, recordsMax), done: all.length <= recordsMax }
    },
    memberClientAddress: (member) => addresses.get(member),
    getLogLevel: () => level,
    setLogLevel: (wanted) => {
      level = wanted
    },
  }
  const server = new ApiServer(context, { host: '127.0.0.1', port: 0, socketPath })
  const { port } = await server.start()
  addresses.set(id, `127.0.0.1:${port}`)
  const http = new Client(`http://127.0.0.1:${port}`)
  const closers: (() => Promise<void>)[] = []
  t.after(async () => {
    await Promise.all(closers.map((close) => close()))
    await http.destroy()
    await server.stop(100)
    rmSync(directory, { recursive: true, force: true })
  })
  const call = async (method: string, path: string, { headers, body }: CallOptions = {}): Promise<Answer> => {
    const response = await http.request({ method: method as 'GET', path, headers: headers ?? {}, body: body ?? null })
    const bytes = Buffer.from(await response.body.arrayBuffer())
    const answerHeaders = Object.fromEntries(Object.entries(response.headers).map(([k, v]) => [k, String(v)]))
    checkAnswer(method, path, response.statusCode, answerHeaders['content-type'] ?? '', bytes)
    const text = bytes.toString('utf8')
    const isJson = answerHeaders['content-type'] === 'application/json'
    return {
      status: response.statusCode,
      headers: answerHeaders,
      bytes,
      text,
      json: isJson ? JSON.parse(text) : undefined,
    }
  }
  return {
    name: `n${id}`,
    endpoint: `http://127.0.0.1:${port}`,
    socketPath,
    port,
    replica,
    log,
    server,
    warnings,
    closers,
    call,
    raw: () => RawConnection.open(t, port),
  }
}

/** A TCP connection under the test's control. */
export class RawConnection {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  #closed = false
  #wake: () => void = nothing

  static open(t: TestContext, port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new RawConnection(socket)))
      t.after(() => void socket.destroy())
    })
  }

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', nothing)
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake()
    })
    socket.on('close', () => {
      this.#closed = true
      this.#wake()
    })
    socket.on('end', () => {
      this.#closed = true
      this.#wake()
    })
  }

  get received(): Buffer {
    return this.#received
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Resolves once `wanted` holds of what was received; rejects when the server closes before. */
  async until(wanted: (received: Buffer) => boolean): Promise<Buffer> {
    while (!wanted(this.#received)) {
      if (this.#closed) throw new Error(`closed after: ${this.#received.toString('latin1')}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#received
  }

  untilText(text: string): Promise<Buffer> {
    return this.until((received) => received.includes(text))
  }

  async closed(): Promise<Buffer> {
    while (!this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#received
  }
}

function nothing(): void {}
