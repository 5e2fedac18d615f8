import { PaxosError } from '../base/error.ts'
import type { LeaderHint, StreamAnswer } from '../wire/client-codec.ts'
import { type Connection, connect } from './connection.ts'
import { type Endpoint, parseEndpoint } from './endpoint.ts'

export interface DialerEvents<T> {
  onAnswer(sent: T, answer: StreamAnswer): void
  /** A connection broke with these unanswered. */
  onLost(reason: PaxosError, unanswered: readonly T[]): void
  /** `current` is a fresh connection. */
  onReady(): void
  /** Every endpoint failed, and none was ever reached. */
  onHopeless(error: PaxosError): void
}

const connectTimeoutMs = 3000
const backoffMsMin = 50
const backoffMsMax = 1000
/** Leaders' addresses that are remembered beside the endpoints that were given. */
const learnedMax = 16

/** Keeps one connection to the cluster, at the leader if it can. Connections that it leaves still answer what they owe. */
export class Dialer<T> {
  readonly #endpoints: Endpoint[]
  readonly #given: number
  readonly #actor: string
  readonly #followLeader: boolean
  readonly #events: DialerEvents<T>
  readonly #draining = new Set<Connection<T>>()
  #current: Connection<T> | undefined
  #leader: LeaderHint | undefined
  #next = 0
  #failures = 0
  #everConnected = false
  #dialing = false
  #approaching = false
  #closed = false
  #retry: NodeJS.Timeout | undefined
  #lastError: PaxosError | undefined

  constructor(endpoints: readonly Endpoint[], actor: string, followLeader: boolean, events: DialerEvents<T>) {
    this.#actor = actor
    this.#endpoints = [...endpoints]
    this.#given = endpoints.length
    this.#followLeader = followLeader
    this.#events = events
  }

  get current(): Connection<T> | undefined {
    return this.#current
  }

  get leader(): LeaderHint | undefined {
    return this.#leader
  }

  get lastError(): PaxosError | undefined {
    return this.#lastError
  }

  *connections(): Iterable<Connection<T>> {
    if (this.#current !== undefined) yield this.#current
    yield* [...this.#draining]
  }

  /** Connects if it is not connected. */
  wake(): void {
    if (this.#closed || this.#current !== undefined || this.#dialing || this.#retry !== undefined) return
    const endpoint = this.#endpoints[this.#next % this.#endpoints.length]
    if (endpoint === undefined) return
    this.#dialing = true
    this.#dial(endpoint).then(
      (connection) => {
        this.#dialing = false
        this.#onConnected(connection)
      },
      (error: PaxosError) => {
        this.#dialing = false
        this.#onFailed(error)
      },
    )
  }

  /** Leaves the current node for another endpoint, if there is one. */
  moveOn(): void {
    const left = this.#current
    if (left === undefined || this.#endpoints.length < 2) return
    this.#next = this.#indexOf(left.endpoint) + 1
    this.#drain(left)
    this.wake()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
    const reason = new PaxosError('STOPPING', 'The client is closed')
    for (const connection of this.connections()) connection.close(reason)
    this.#current = undefined
    this.#draining.clear()
  }

  async #dial(endpoint: Endpoint): Promise<Connection<T>> {
    let connection: Connection<T> | undefined
    connection = await connect<T>(endpoint, this.#actor, connectTimeoutMs, {
      onAnswer: (sent, answer) => {
        this.#events.onAnswer(sent, answer)
        if (connection !== undefined) this.#closeIfDrained(connection)
      },
      onLeader: (leader) => {
        if (connection === this.#current) this.#onLeader(leader)
      },
      onClosed: (reason, unanswered) => {
        if (connection !== undefined) this.#onClosed(connection, reason, unanswered)
      },
    })
    return connection
  }

  #onConnected(connection: Connection<T>): void {
    if (this.#closed) {
      connection.close(new PaxosError('STOPPING', 'The client is closed'))
      return
    }
    if (connection.closed) {
      this.#onFailed(new PaxosError('CANNOT_CONNECT', `${connection.endpoint.url} closed the connection`))
      return
    }
    const left = this.#current
    this.#current = connection
    this.#everConnected = true
    this.#failures = 0
    if (left !== undefined) this.#drain(left)
    this.#events.onReady()
    this.#onLeader(connection.leader)
  }

  #onFailed(error: PaxosError): void {
    this.#lastError = error
    this.#next++
    this.#failures++
    if (this.#closed) return
    const allFailed = this.#failures % this.#endpoints.length === 0
    if (allFailed && !this.#everConnected) {
      this.#events.onHopeless(error)
      return
    }
    const rounds = Math.floor(this.#failures / this.#endpoints.length)
    const wait = allFailed ? Math.min(backoffMsMax, backoffMsMin * 2 ** rounds) * (0.5 + Math.random() / 2) : 0
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.wake()
    }, wait)
    this.#retry.unref()
  }

  #onLeader(leader: LeaderHint): void {
    this.#leader = leader
    const here = this.#current
    if (here === undefined || !this.#followLeader || this.#approaching || here.endpoint.kind === 'unix') return
    if (leader.clientAddress === undefined || leader.name === here.hello.node) return
    const endpoint = this.#learn(leader.clientAddress)
    if (endpoint === undefined) return
    this.#approaching = true
    this.#dial(endpoint).then(
      (connection) => {
        this.#approaching = false
        // A wrong address would lead to some other node; staying is as good then.
        if (connection.hello.node === leader.name) this.#onConnected(connection)
        else connection.close(new PaxosError('CANNOT_CONNECT', 'Not needed any more'))
      },
      () => {
        this.#approaching = false
      },
    )
  }

  #learn(address: string): Endpoint | undefined {
    try {
      const endpoint = parseEndpoint(`http://${address}`)
      const known = this.#indexOf(endpoint)
      if (known >= 0) return this.#endpoints[known]
      if (this.#endpoints.length < this.#given + learnedMax) this.#endpoints.push(endpoint)
      return endpoint
    } catch {
      return undefined
    }
  }

  #onClosed(connection: Connection<T>, reason: PaxosError, unanswered: readonly T[]): void {
    this.#draining.delete(connection)
    if (connection === this.#current) {
      this.#current = undefined
      this.#lastError = reason
      this.#next = this.#indexOf(connection.endpoint) + 1
    }
    this.#events.onLost(reason, unanswered)
    if (unanswered.length > 0) this.wake()
  }

  #drain(connection: Connection<T>): void {
    if (connection === this.#current) this.#current = undefined
    this.#draining.add(connection)
    this.#closeIfDrained(connection)
  }

  #closeIfDrained(connection: Connection<T>): void {
    if (connection.outstanding > 0 || !this.#draining.has(connection)) return
    this.#draining.delete(connection)
    connection.close(new PaxosError('CANNOT_CONNECT', 'Not needed any more'))
  }

  #indexOf(endpoint: Endpoint): number {
    return this.#endpoints.findIndex((known) => known.url === endpoint.url)
  }
}
