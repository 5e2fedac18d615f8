import { PaxosError } from '../base/error.ts'
import { decodeAnswer, encodeQuery } from '../machine/reply-codec.ts'
import type { Answer, Command, Query, Reply } from '../machine/request.ts'
import type { Consistency } from '../wire/client-codec.ts'
import { actorToSend } from './actor.ts'
import { Courier } from './courier.ts'
import { parseEndpoint } from './endpoint.ts'
import { Gate } from './gate.ts'
import { type Bytes, type KeyValue, type RangeOptions, toBytes, toKey, toRange } from './key-value.ts'
import { getQuery, listQuery, toKeyValue, toListResult } from './queries.ts'
import { type Txn, type TxnOperationResult, toTxnCommand, toTxnResult } from './txn.ts'
import { unexpected, Writer } from './writer.ts'

export interface PaxosClientOptions {
  /** `http://host:port` or `unix:/path`. One is enough; with more, the client survives the loss of one. */
  readonly endpoints: readonly string[]
  /** For each request, retries included. Default 10,000. */
  readonly timeoutMs?: number | undefined
  /** How long the server remembers an unreachable client. Default 60,000. */
  readonly sessionTtlMs?: number | undefined
  /** Writes are applied exactly once, also when they are sent again. Default true. */
  readonly session?: boolean | undefined
  /** Requests beyond this number wait in the client. Default 1024. */
  readonly maxInFlight?: number | undefined
  /** Move to the leader's node once it is known, which saves a forward. Default true. */
  readonly followLeader?: boolean | undefined
  /** Who this is, for the cluster's audit trail: a claim. Default: user@host of the process. Empty: nobody. */
  readonly actor?: string | undefined
}

export interface RequestOptions {
  readonly timeoutMs?: number | undefined
}

export interface WriteOptions extends RequestOptions {
  /** Only if the key has this version; 0 means that it must not exist. Otherwise PRECONDITION_FAILED. */
  readonly ifVersion?: number | undefined
}

export interface ReadOptions extends RequestOptions {
  /** `stale` answers from the node's own state, which may be behind. Default `linearizable`. */
  readonly consistency?: Consistency | undefined
  /** Read the past, back to what is compacted. */
  readonly revision?: number | undefined
}

export interface ListOptions extends ReadOptions, RangeOptions {
  readonly limit?: number | undefined
  /** Values come empty. */
  readonly keysOnly?: boolean | undefined
}

export interface PutResult {
  readonly revision: number
  readonly version: number
  readonly slot: number
}

export interface DeleteResult {
  readonly deleted: number
  readonly revision: number
  readonly slot: number
}

export interface ListResult {
  readonly items: readonly KeyValue[]
  /** There is more than `limit`, or than one answer holds. Go on from the last key and a NUL, at this `revision`. */
  readonly more: boolean
  readonly revision: number
}

export interface TxnResult {
  readonly succeeded: boolean
  readonly results: readonly TxnOperationResult[]
  readonly revision: number
  readonly slot: number
}

export interface CompactResult {
  readonly compacted: number
  readonly revision: number
  readonly slot: number
}

/**
 * A client of a cluster, over one multiplexed connection at a time, at the leader if it can.
 * Every method rejects with a PaxosError. Its `code` is OUTCOME_UNKNOWN exactly when a write may have been done.
 * Requests that run at the same time may be done in any order.
 */
export class PaxosClient {
  readonly #timeoutMs: number
  readonly #courier: Courier
  readonly #writer: Writer
  readonly #gate: Gate
  #closing: Promise<void> | undefined

  /** Connects with the first request. Throws PaxosError USAGE on endpoints that it does not understand. */
  constructor(options: PaxosClientOptions) {
    if (options.endpoints.length === 0) throw new PaxosError('USAGE', 'A client needs one endpoint at least')
    this.#timeoutMs = positive('timeoutMs', options.timeoutMs ?? 10_000)
    this.#gate = new Gate(positive('maxInFlight', options.maxInFlight ?? 1024))
    this.#courier = new Courier(
      options.endpoints.map(parseEndpoint),
      actorToSend(options.actor),
      options.followLeader ?? true,
    )
    const sessionTtlMs = positive('sessionTtlMs', options.sessionTtlMs ?? 60_000)
    this.#writer = new Writer(this.#courier, options.session ?? true, sessionTtlMs)
  }

  /** Name of the node that requests go to; undefined before the first. */
  get node(): string | undefined {
    return this.#courier.node
  }

  /** Name of the leader, as the node last told. */
  get leader(): string | undefined {
    return this.#courier.leader?.name
  }

  async put(key: Bytes, value: Bytes, options: WriteOptions = {}): Promise<PutResult> {
    const command = { kind: 'put', key: toKey(key), value: toBytes(value), ifVersion: options.ifVersion } as const
    const { revision, version, slot } = await this.#write(command, 'put', options)
    return { revision, version, slot }
  }

  /** Undefined when the key does not exist. */
  async get(key: Bytes, options: ReadOptions = {}): Promise<KeyValue | undefined> {
    return toKeyValue(await this.#read(getQuery(key, options), options))
  }

  async delete(key: Bytes, options: WriteOptions = {}): Promise<DeleteResult> {
    const command = { kind: 'delete', key: toKey(key), ifVersion: options.ifVersion } as const
    const { deleted, revision, slot } = await this.#write(command, 'delete', options)
    return { deleted, revision, slot }
  }

  /** Deletes every key of the range in one step. An empty range, and an empty prefix, need `all: true`. */
  async deleteRange(range: RangeOptions, options: RequestOptions = {}): Promise<DeleteResult> {
    const keys = toRange(range)
    if (keys === undefined || (range.all !== true && keys.start === '' && keys.end === undefined)) {
      throw new PaxosError('BAD_REQUEST', 'Say all: true to delete every key')
    }
    const { deleted, revision, slot } = await this.#write({ kind: 'deleteRange', range: keys }, 'delete', options)
    return { deleted, revision, slot }
  }

  /** Every key when no range is given. */
  async list(options: ListOptions = {}): Promise<ListResult> {
    return toListResult(await this.#read(listQuery(options), options))
  }

  /** Compares, then does `then` or `else`, in one step. */
  async txn(txn: Txn, options: RequestOptions = {}): Promise<TxnResult> {
    const { succeeded, results, revision, slot } = await this.#write(toTxnCommand(txn), 'txn', options)
    return { succeeded, results: results.map(toTxnResult), revision, slot }
  }

  /** Forgets the history below `revision`. */
  async compact(revision: number, options: RequestOptions = {}): Promise<CompactResult> {
    const reply = await this.#write({ kind: 'compact', revision }, 'compact', options)
    return { compacted: reply.compacted, revision: reply.revision, slot: reply.slot }
  }

  /** Takes no more requests, waits for those that run, closes the session and the connections. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#gate.whenEmpty()
    await this.#writer.close(1000)
    this.#courier.close()
  }

  async #write<K extends Exclude<Reply['kind'], 'error'>>(
    command: Command,
    kind: K,
    { timeoutMs }: RequestOptions,
  ): Promise<Extract<Reply, { readonly kind: K }>> {
    const ms = this.#timeout(timeoutMs)
    const turn = this.#enter()
    // Not awaited for nothing: that would be a promise more for each request.
    if (turn !== undefined) await turn
    try {
      const reply = await this.#writer.write(command, ms)
      if (!isOf(reply, kind)) throw unexpected(reply)
      return reply
    } finally {
      this.#gate.leave()
    }
  }

  async #read(query: Query, { consistency, timeoutMs }: ReadOptions): Promise<Answer> {
    const ms = this.#timeout(timeoutMs)
    const body = encodeQuery(query)
    const turn = this.#enter()
    if (turn !== undefined) await turn
    try {
      const { bytes } = await this.#courier.run({ kind: 'read', body, consistency: consistency ?? 'linearizable' }, ms)
      return decodeAnswer(bytes)
    } finally {
      this.#gate.leave()
    }
  }

  #enter(): Promise<void> | undefined {
    if (this.#closing !== undefined) throw new PaxosError('STOPPING', 'The client is closed')
    return this.#gate.enter()
  }

  #timeout(timeoutMs: number | undefined): number {
    return timeoutMs === undefined ? this.#timeoutMs : positive('timeoutMs', timeoutMs)
  }
}

function isOf<K extends Reply['kind']>(reply: Reply, kind: K): reply is Extract<Reply, { readonly kind: K }> {
  return reply.kind === kind
}

function positive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value
  throw new PaxosError('USAGE', `${name} must be a positive number, got ${value}`)
}
