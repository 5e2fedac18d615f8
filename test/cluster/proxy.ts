/**
 * A fault proxy between members. Each member's bootstrap address is a port of this proxy, which passes connections on to
 * the member's real peer port. A member's messages to another travel on the connection that it dialled, and the hello
 * frame says who dialled, so that a fault can be put on one direction of one pair.
 */
import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net'
import { FrameDecoder } from '../../src/wire/frame.ts'
import { decodeHello, helloBytesMax } from '../../src/wire/hello.ts'
import { Lane, type Link, wellLink } from './proxy-lane.ts'

interface Connection {
  /** Undefined until its hello has come. */
  from: string | undefined
  readonly to: string
  readonly dialled: Socket
  readonly member: Socket
  readonly forth: Lane
  readonly back: Lane
}

const headEnd = Buffer.from('\r\n\r\n')

export class PeerProxy {
  readonly #servers = new Map<string, Server>()
  readonly #links = new Map<string, Link>()
  readonly #connections = new Set<Connection>()

  /** `targets`: the real peer port of each member. */
  static async create(targets: ReadonlyMap<string, number>): Promise<PeerProxy> {
    const proxy = new PeerProxy()
    for (const [name, port] of targets) {
      const server = createServer((socket) => proxy.#onConnection(name, port, socket))
      server.listen({ host: '127.0.0.1', port: 0 })
      await once(server, 'listening')
      proxy.#servers.set(name, server)
    }
    return proxy
  }

  port(name: string): number {
    return (this.#servers.get(name)?.address() as AddressInfo).port
  }

  /** Nothing that `from` sends reaches `to`; connections stay, as in a network that loses packets. */
  cut(from: string, to: string): void {
    this.#link(from, to).cut = true
  }

  cutBoth(a: string, b: string): void {
    this.cut(a, b)
    this.cut(b, a)
  }

  delay(from: string, to: string, delayMs: number): void {
    this.#link(from, to).delayMs = delayMs
  }

  /** A few bytes each hundredth of a second, and no more taken from the sender than it can get rid of. */
  trickle(from: string, to: string, bytes: number): void {
    this.#link(from, to).trickleBytes = bytes
  }

  /**
   * Messages are left out whole. TCP would not do that; the members' own queues do when they are full, and the protocol
   * must bear it on any link.
   */
  lose(from: string, to: string, share: number): void {
    this.#link(from, to).loss = share
  }

  /** The next message breaks off in the middle, with a reset on both ends. */
  tear(from: string, to: string): void {
    this.#link(from, to).tears = true
  }

  /** Ends the connection for both ends; it may be dialled again. */
  drop(from: string, to: string): void {
    for (const connection of this.#of(from, to)) destroy(connection)
  }

  /** Both ends get a reset instead of an end. */
  reset(from: string, to: string): void {
    for (const connection of this.#of(from, to)) reset(connection)
  }

  /** `to` loses the connection, `from` does not hear of it: what it sends is lost. */
  halfOpen(from: string, to: string): void {
    for (const { forth, back, member } of this.#of(from, to)) {
      forth.swallows = true
      back.swallows = true
      member.destroy()
    }
  }

  heal(from: string, to: string): void {
    Object.assign(this.#link(from, to), wellLink)
    for (const connection of this.#of(from, to)) {
      if (connection.dialled.destroyed || connection.member.destroyed) destroy(connection)
      connection.forth.release()
      connection.back.release()
    }
  }

  healAll(): void {
    for (const key of this.#links.keys()) {
      const [from = '', to = ''] = key.split('>')
      this.heal(from, to)
    }
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) destroy(connection)
    await Promise.all(
      [...this.#servers.values()].map((server) => new Promise((resolve) => server.close(() => resolve(undefined)))),
    )
  }

  #onConnection(to: string, port: number, dialled: Socket): void {
    const member = createConnection({ host: '127.0.0.1', port })
    const link = (): Readonly<Link> => (connection.from === undefined ? wellLink : this.#link(connection.from, to))
    const onTorn = (): void => {
      if (connection.from !== undefined) this.#link(connection.from, to).tears = false
      reset(connection)
    }
    const connection: Connection = {
      from: undefined,
      to,
      dialled,
      member,
      forth: new Lane(dialled, member, link, onTorn),
      back: new Lane(member, dialled, link, onTorn),
    }
    this.#connections.add(connection)
    const greeting = new Greeting()
    dialled.on('data', (chunk) => {
      if (connection.from !== undefined) {
        connection.forth.push(chunk)
        return
      }
      const heard = greeting.push(chunk)
      if (heard === undefined) return
      connection.from = heard.name
      connection.forth.followFrames()
      for (const part of heard.bytes) connection.forth.push(part)
    })
    greeting.onHead = (head) => connection.forth.push(head)
    member.on('data', (chunk) => connection.back.push(chunk))
    for (const [socket, other, lane] of [
      [dialled, member, connection.forth],
      [member, dialled, connection.back],
    ] as const) {
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        if (lane.swallows && socket === member) return
        lane.close()
        // A process that died says so only as far as its packets go.
        if (!link().cut) other.destroy()
        if (other.destroyed) this.#connections.delete(connection)
      })
    }
  }

  #link(from: string, to: string): Link {
    const key = `${from}>${to}`
    const known = this.#links.get(key)
    if (known !== undefined) return known
    const link = { ...wellLink }
    this.#links.set(key, link)
    return link
  }

  #of(from: string, to: string): Connection[] {
    return [...this.#connections].filter((connection) => connection.from === from && connection.to === to)
  }
}

/** Finds out who dialled: the head of the upgrade request passes at once, the hello frame after it is read first. */
class Greeting {
  onHead: (head: Buffer) => void = () => {}
  #head: Buffer | undefined = Buffer.alloc(0)
  #name: string | undefined
  readonly #bytes: Buffer[] = []
  readonly #decoder = new FrameDecoder({ payloadBytesMax: helloBytesMax })

  /** The dialler's name and what it has sent after the head; undefined until the hello is whole. */
  push(chunk: Buffer): { readonly name: string; readonly bytes: readonly Buffer[] } | undefined {
    let rest = chunk
    if (this.#head !== undefined) {
      this.#head = Buffer.concat([this.#head, chunk])
      const at = this.#head.indexOf(headEnd)
      if (at < 0) return undefined
      rest = this.#head.subarray(at + headEnd.length)
      this.onHead(this.#head.subarray(0, at + headEnd.length))
      this.#head = undefined
    }
    if (rest.length === 0) return undefined
    this.#bytes.push(rest)
    this.#decoder.push(rest, (_, payload) => {
      this.#name ??= decodeHello(payload).name
    })
    return this.#name === undefined ? undefined : { name: this.#name, bytes: this.#bytes }
  }
}

function destroy({ dialled, member }: Connection): void {
  dialled.destroy()
  member.destroy()
}

function reset({ dialled, member }: Connection): void {
  dialled.resetAndDestroy()
  member.resetAndDestroy()
}
