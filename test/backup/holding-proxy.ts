import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/**
 * Stands before a node's client port and lets so many bytes of answers through on each connection, then holds the rest: a
 * middle that lasts as long as a test needs it. Or it cuts the connection there, each time.
 */
export class HoldingProxy {
  readonly url: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #held = Promise.withResolvers<void>()
  #release: (() => void)[] = []
  #isOpen = false

  static async start(
    t: TestContext,
    port: number,
    bytesMax: number,
    then: 'hold' | 'cut' = 'hold',
  ): Promise<HoldingProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new HoldingProxy(server)
    server.on('connection', (client) => proxy.#onConnection(client, port, bytesMax, then))
    t.after(() => proxy.#close())
    return proxy
  }

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** Resolves once an answer is held back. */
  get held(): Promise<void> {
    return this.#held.promise
  }

  /** From now on everything goes through. */
  release(): void {
    this.#isOpen = true
    for (const go of this.#release.splice(0)) go()
  }

  /** Ends every connection: a socket that is held would not notice that the node is gone. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #onConnection(client: Socket, port: number, bytesMax: number, then: 'hold' | 'cut'): void {
    const node = connect({ host: '127.0.0.1', port })
    let bytes = 0
    client.pipe(node)
    node.on('data', (chunk) => {
      client.write(chunk)
      bytes += chunk.length
      if (bytes < bytesMax || this.#isOpen) return
      if (then === 'cut') {
        client.destroy()
        return
      }
      node.pause()
      this.#release.push(() => node.resume())
      this.#held.resolve()
    })
    node.on('close', () => client.destroy())
    client.on('close', () => node.destroy())
    for (const socket of [client, node]) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
    }
  }

  #close(): void {
    this.#server.close()
    this.cut()
  }
}
