import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { assert } from '../../base/assert.ts'
import type { NodeId } from '../../protocol/ids.ts'
import type { Hello, PeerIdentity } from '../../wire/hello.ts'
import type { Admission, Verdict } from './admission.ts'
import type { GatedLog, LogFields, PeerLogger } from './gated-log.ts'
import { InboundPeer, type OnPeerMessage } from './inbound-peer.ts'
import { listenError } from './listen-error.ts'
import { type PeerLimits, peerPath, peerToken } from './peer-limits.ts'

export interface ListenerOptions {
  readonly self: PeerIdentity
  readonly limits: PeerLimits
  readonly admission: Admission
  readonly logger: PeerLogger
  readonly gatedLog: GatedLog
  readonly now: () => number
  readonly onMessage: OnPeerMessage
  /** A member has come: a good moment to dial it too. */
  readonly onPeer: (peer: PeerIdentity) => void
}

export interface ListenAddress {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
}

const accepted = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${peerToken}\r\n\r\n`
const badRequest = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
const upgradeRequired = JSON.stringify({
  error: {
    code: 'BAD_REQUEST',
    message: 'This is the port for members of the cluster; it serves no requests',
    hint: 'Use the client port.',
  },
})

/**
 * The peer port. An HTTP server that does one thing, answer our own upgrade, and leaves its timeouts to node until then;
 * afterwards an InboundPeer guards the socket. A newer accepted connection of a node replaces the older one.
 */
export class PeerListener {
  readonly #options: ListenerOptions
  readonly #server: Server
  readonly #connections = new Set<InboundPeer>()
  readonly #open = new Map<NodeId, InboundPeer>()
  /** Of which the log says that they are connected. One that refuses this node is not: it comes and goes every second. */
  readonly #connected = new Set<NodeId>()
  #violations = 0
  #refusals = 0
  #stopping = false

  constructor(options: ListenerOptions) {
    const { limits, gatedLog } = options
    this.#options = options
    this.#server = createServer({
      headersTimeout: limits.helloTimeoutMs,
      requestTimeout: limits.helloTimeoutMs,
      connectionsCheckingInterval: limits.tickMs,
      keepAliveTimeout: limits.helloTimeoutMs,
      maxHeaderSize: 8192,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: limits.silenceTimeoutMs,
      shouldUpgradeCallback: isOurs,
    })
    this.#server.maxConnections = limits.connectionsMax
    this.#server.maxHeadersCount = 64
    this.#server.maxRequestsPerSocket = 16
    this.#server.on('request', refuseRequest)
    this.#server.on('upgrade', (_, socket, head) => this.#onUpgrade(socket, head))
    this.#server.on('clientError', (error, socket) => this.#onClientError(error, socket))
    this.#server.on('drop', () => {
      const fields = { connectionsMax: limits.connectionsMax }
      gatedLog.warn('connections', fields, 'too many connections on the peer port, new ones are closed')
    })
  }

  /** Connections that broke the rules, since the start. */
  get violations(): number {
    return this.#violations
  }

  /** Hellos that were refused, since the start. */
  get refusals(): number {
    return this.#refusals
  }

  isOpen(node: NodeId): boolean {
    return this.#open.has(node)
  }

  /** Throws PaxosError PORT_IN_USE or BAD_CONFIG. Returns the port. */
  async listen({ host, port }: ListenAddress): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const failed = (error: NodeJS.ErrnoException): void => reject(listenError(host, port, error))
    this.#server.once('error', failed)
    this.#server.listen({ host, port }, resolve)
    await promise
    this.#server.off('error', failed)
    this.#server.on('error', (error) => this.#options.logger.warn({ reason: error.message }, 'peer port failed'))
    const address = this.#server.address()
    assert(address !== null && typeof address === 'object', 'a listening server has no port')
    return address.port
  }

  tick(now: number, stalledMs: number): void {
    for (const connection of [...this.#connections]) connection.tick(now, stalledMs)
  }

  /** Ends the connection of a node that is no longer a member. */
  disconnect(node: NodeId, why: string): void {
    this.#open.get(node)?.close(why)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    // Upgraded sockets are none of the server's business any more, so it would wait for them and never close them.
    for (const connection of [...this.#connections]) connection.close(undefined)
    if (!this.#server.listening) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.#server.closeAllConnections()
    await promise
  }

  #onUpgrade(socket: Duplex, head: Uint8Array): void {
    const { self, limits, now, onMessage } = this.#options
    // Asked now: a closed socket no longer knows.
    const address = addressOf(socket)
    const connection = new InboundPeer({
      socket,
      self,
      limits,
      now,
      onMessage,
      onHello: (peer, hello) => this.#onHello(peer, hello, address),
      onSettled: (hello) => this.#onSettled(hello, address),
      onClosed: (peer, why) => this.#onClosed(peer, why, address),
    })
    if (this.#stopping) {
      connection.close(undefined)
      return
    }
    this.#connections.add(connection)
    socket.write(accepted)
    if (head.length > 0) connection.read(head)
  }

  #onHello(peer: InboundPeer, hello: Hello, address: string): Verdict {
    const { admission, gatedLog, onPeer } = this.#options
    const verdict = admission.judgeHello(hello)
    const { nodeId } = hello
    if (verdict.kind === 'refused') {
      this.#refusals++
      gatedLog.warn(
        `refused:${verdict.code}`,
        { ...fieldsOf(hello, address), code: verdict.code, reason: verdict.message },
        'refused a peer',
      )
      return verdict
    }
    const older = this.#open.get(nodeId)
    this.#open.set(nodeId, peer)
    older?.close(undefined)
    onPeer(hello)
    return verdict
  }

  #onSettled(hello: Hello, address: string): void {
    const again = this.#connected.has(hello.nodeId)
    this.#connected.add(hello.nodeId)
    const message = again ? 'peer connected again, the older connection is closed' : 'peer connected'
    this.#options.logger.info(fieldsOf(hello, address), message)
  }

  #onClosed(peer: InboundPeer, why: string | undefined, address: string): void {
    const { logger } = this.#options
    this.#connections.delete(peer)
    const hello = peer.hello
    const wasOpen = hello !== undefined && this.#open.get(hello.nodeId) === peer
    if (wasOpen) this.#open.delete(hello.nodeId)
    const wasConnected = wasOpen && this.#connected.delete(hello.nodeId)
    if (why !== undefined) this.#onViolation(why, address, hello?.name)
    else if (wasConnected && !this.#stopping) logger.info({ peer: hello.name, address }, 'peer disconnected')
  }

  #onClientError(error: Error, socket: Duplex): void {
    const code = 'code' in error ? String(error.code) : 'unknown'
    const fault = code === 'ECONNRESET' || code === 'EPIPE' ? undefined : `HTTP failed before the upgrade: ${code}`
    if (fault !== undefined) this.#onViolation(fault, addressOf(socket), undefined)
    if (!socket.writable) socket.destroy()
    else socket.end(badRequest, () => socket.destroy())
  }

  #onViolation(reason: string, address: string, peer: string | undefined): void {
    this.#violations++
    // Reasons are our own words; without their numbers there are few of them, whatever a stranger sends.
    const key = `violation:${peer ?? ''}:${reason.replace(/\d+/g, '#')}`
    this.#options.gatedLog.warn(key, { peer, address, reason }, 'closed a connection on the peer port')
  }
}

function fieldsOf({ name, nodeId, incarnation, version }: Hello, address: string): LogFields {
  return { peer: name, nodeId, incarnation, version, address }
}

function isOurs(request: IncomingMessage): boolean {
  return request.method === 'GET' && request.url === peerPath && request.headers.upgrade === peerToken
}

function refuseRequest(_: IncomingMessage, response: ServerResponse): void {
  const headers = {
    Connection: 'close',
    Upgrade: peerToken,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(upgradeRequired),
  }
  response.writeHead(426, headers).end(upgradeRequired)
}

function addressOf(socket: Duplex): string {
  const known = socket instanceof Socket && socket.remoteAddress !== undefined
  return known ? `${socket.remoteAddress}:${socket.remotePort}` : 'unknown'
}
