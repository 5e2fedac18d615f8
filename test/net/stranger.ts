import { connect, type Socket } from 'node:net'
import { peerPath, peerToken } from '../../src/daemon/net/peer-limits.ts'
import { type NodeId, toIncarnation } from '../../src/protocol/ids.ts'
import { encodeFrame, FrameDecoder } from '../../src/wire/frame.ts'
import { decodeWelcome, encodeHello, type Hello, peerFrame, peerVersions, type Welcome } from '../../src/wire/hello.ts'
import { until } from '../conformance/links.ts'
import { clusterId } from './peer-nodes.ts'

export const upgradeRequest = `GET ${peerPath} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${peerToken}\r\n\r\n`

export function helloOf(nodeId: NodeId, changes: Partial<Hello> = {}): Hello {
  return {
    versionMin: peerVersions.min,
    versionMax: peerVersions.max,
    clusterId,
    nodeId,
    name: `n${nodeId}`,
    diskId: `disk-${nodeId}`,
    incarnation: toIncarnation(1),
    incarnationId: 'stranger',
    earlierIncarnations: [],
    clientAddress: '127.0.0.1:1',
    version: 'stranger',
    featureLevels: { min: 1, max: 1 },
    foundedLevel: 1,
    ...changes,
  }
}

export function helloFrame(nodeId: NodeId, changes: Partial<Hello> = {}): Uint8Array {
  return encodeFrame(peerFrame.hello, encodeHello(helloOf(nodeId, changes)))
}

/** A raw TCP connection to a peer port, to say anything at all on it. */
export class Stranger {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  #closed = false

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk])
    })
    // Whether the other side ends or resets the connection, it is closed.
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.#closed = true
    })
  }

  get text(): string {
    return this.#received.toString('latin1')
  }

  get isClosed(): boolean {
    return this.#closed
  }

  send(data: string | Uint8Array): this {
    this.socket.write(data)
    return this
  }

  async closed(): Promise<void> {
    await until(() => this.#closed, 'the stranger is cut off')
  }

  async upgrade(): Promise<this> {
    this.send(upgradeRequest)
    await until(() => this.text.includes('\r\n\r\n'), 'the upgrade is answered')
    return this
  }

  /** As a member that is welcome, with its connection open. */
  async join(nodeId: NodeId, changes: Partial<Hello> = {}): Promise<this> {
    await this.upgrade()
    this.send(helloFrame(nodeId, changes))
    await until(() => this.frames().length > 0, 'the hello is answered')
    return this
  }

  async welcome(): Promise<Welcome> {
    await until(() => this.frames().length > 0, 'the hello is answered')
    return decodeWelcome(this.frames()[0]?.payload ?? new Uint8Array(0))
  }

  frames(): readonly { readonly type: number; readonly payload: Uint8Array }[] {
    const start = this.text.indexOf('\r\n\r\n')
    if (start < 0) return []
    const frames: { type: number; payload: Uint8Array }[] = []
    const decoder = new FrameDecoder({ payloadBytesMax: 4096 })
    decoder.push(this.#received.subarray(start + 4), (type, payload) => frames.push({ type, payload }))
    return frames
  }
}
