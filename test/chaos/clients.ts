/** The clients of a chaos run: with sessions, with our stream but without a session, and over plain HTTP. */
import { setTimeout as pause } from 'node:timers/promises'
import { toBinary } from '../../src/base/bytes.ts'
import { keyAfter } from '../../src/base/order.ts'
import { Random } from '../../src/base/random.ts'
import type { PaxosClient, TxnResult } from '../../src/client/client.ts'
import type { KeyValue } from '../../src/client/key-value.ts'
import type { Input, Item, Output, StepResult } from '../../src/sim/linearizability/history.ts'
import { prefixRange } from '../../src/wire/key-range.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { httpDelete, httpGet, httpPut } from './http-store.ts'
import type { Recorder } from './record.ts'

export type ClientKind = 'session' | 'stream' | 'http'

const sharedKeys = 12
const timeoutMs = 4000
/** So that a client that is refused at once does not spin. */
const refusedPauseMs = 20

export class ChaosClient {
  readonly kind: ClientKind
  readonly #number: number
  readonly #random: Random
  readonly #cluster: Cluster
  readonly #recorder: Recorder
  readonly #thinkMs: number
  readonly #client: PaxosClient | undefined
  #written = 0
  #versions = new Map<string, number>()
  #stopping = false
  #running: Promise<void> = Promise.resolve()
  answered = 0

  constructor(number: number, kind: ClientKind, seed: number, thinkMs: number, cluster: Cluster, recorder: Recorder) {
    this.#number = number
    this.kind = kind
    this.#random = new Random(seed * 1009 + number)
    this.#cluster = cluster
    this.#recorder = recorder
    this.#thinkMs = thinkMs
    this.#client =
      kind === 'http'
        ? undefined
        : cluster.client({ timeoutMs, session: kind === 'session', followLeader: this.#random.chance(0.5) })
  }

  start(): void {
    this.#running = this.#run()
    // Thrown again by `stop`.
    this.#running.catch(() => {})
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#running
  }

  /** The key that only this client writes, and only ever puts: its version counts the writes that were applied. */
  get ownKey(): string {
    return `own/${this.#number}`
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const { input, call } = this.#client === undefined ? this.#drawHttp() : this.#draw(this.#client)
      if (await this.#recorder.run(this.#number, input, call)) this.answered++
      else await pause(refusedPauseMs)
      if (this.#thinkMs > 0) await pause(this.#random.next() * 2 * this.#thinkMs)
    }
  }

  #draw(client: PaxosClient): Drawn {
    const key = `k/${this.#random.integer(0, sharedKeys)}`
    const value = this.#value()
    const draw = this.#random.next()
    if (draw < 0.25) return this.#put(client, this.ownKey, value, undefined)
    if (draw < 0.45) return this.#put(client, key, value, undefined)
    if (draw < 0.55) return this.#put(client, key, value, this.#versions.get(key) ?? 0)
    if (draw < 0.6) {
      const call = async (): Promise<Output> => {
        const { deleted, revision } = await client.delete(key)
        return { kind: 'delete', deleted, revision }
      }
      return { input: { kind: 'delete', key, ifVersion: undefined }, call }
    }
    if (draw < 0.72) return this.#txn(client, key, value)
    return this.#list(client, draw < 0.95 ? key : 'k/', draw > 0.98)
  }

  #put(client: PaxosClient, key: string, value: string, ifVersion: number | undefined): Drawn {
    const call = async (): Promise<Output> => {
      const { revision, version } = await client.put(key, value, { ifVersion })
      this.#versions.set(key, version)
      return { kind: 'put', revision, version }
    }
    return { input: { kind: 'put', key, value, ifVersion }, call }
  }

  /** Compare and swap of one key, with a write to another in either branch. */
  #txn(client: PaxosClient, key: string, value: string): Drawn {
    const other = `k/${this.#random.integer(0, sharedKeys)}`
    const elseValue = this.#value()
    const operand = this.#versions.get(key) ?? 0
    const input: Input = {
      kind: 'txn',
      compare: [{ key, target: 'version', op: '=', operand }],
      // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
      then: [{ kind: 'put', key, value }],
      else: [
        { kind: 'get', range: { start: key, end: keyAfter(key) }, limit: 0 },
        { kind: 'put', key: other, value: elseValue },
      ],
    }
    const call = async (): Promise<Output> => {
      const result = await client.txn({
        compare: [{ key, target: 'version', op: '=', operand }],
        // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
        then: [{ put: { key, value } }],
        else: [{ get: { key } }, { put: { key: other, value: elseValue } }],
      })
      return { kind: 'txn', revision: result.revision, succeeded: result.succeeded, results: stepsOf(result) }
    }
    return { input, call }
  }

  #list(client: PaxosClient, prefix: string, isStale: boolean): Drawn {
    const range = prefixRange(prefix)
    const input: Input = { kind: 'range', range, limit: 0, keysOnly: false, at: undefined, isStale }
    const call = async (): Promise<Output> => {
      const page = await client.list({ prefix, consistency: isStale ? 'stale' : 'linearizable' })
      const items = page.items.map(itemOf)
      for (const { key, version } of items) this.#versions.set(key, version)
      return { kind: 'items', revision: page.revision, items, more: page.more }
    }
    return { input, call }
  }

  #drawHttp(): Drawn {
    const { nodes } = this.#cluster
    const url = nodes[this.#random.integer(0, nodes.length)]?.url ?? ''
    const key = `k/${this.#random.integer(0, sharedKeys)}`
    const draw = this.#random.next()
    if (draw < 0.5) {
      const value = this.#value()
      const target = draw < 0.25 ? this.ownKey : key
      const ifVersion = draw < 0.4 ? undefined : this.#random.integer(0, 3)
      const input: Input = { kind: 'put', key: target, value, ifVersion }
      return { input, call: () => httpPut(url, target, value, ifVersion) }
    }
    if (draw < 0.55) {
      return { input: { kind: 'delete', key, ifVersion: undefined }, call: () => httpDelete(url, key) }
    }
    const isStale = draw > 0.95
    return { input: { kind: 'get', key, at: undefined, isStale }, call: () => httpGet(url, key, isStale) }
  }

  #value(): string {
    return `${this.#number}.${++this.#written}`
  }
}

interface Drawn {
  readonly input: Input
  readonly call: () => Promise<Output>
}

function itemOf(found: KeyValue): Item {
  const { createRevision, modRevision, version } = found
  return { key: toBinary(found.key), value: toBinary(found.value), createRevision, modRevision, version }
}

function stepsOf({ results }: TxnResult): StepResult[] {
  return results.map((result) => {
    if ('put' in result) return { kind: 'put', version: result.put.version }
    if ('delete' in result) return { kind: 'delete', deleted: result.delete.deleted }
    return { kind: 'get', items: result.get.items.map(itemOf), more: result.get.more }
  })
}
