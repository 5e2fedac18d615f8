import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Client } from 'undici'
import { type ApiContext, type ApiLimits, defaultApiLimits } from '../../src/daemon/api/context.ts'
import { ApiServer } from '../../src/daemon/api/server.ts'
import { defaultRequestLimits, type RequestLimits } from '../../src/machine/limits.ts'
import { toIncarnation, toNodeId } from '../../src/protocol/ids.ts'
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
