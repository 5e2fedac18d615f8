import { PaxosError } from '../../base/error.ts'
import { PaxosClient } from '../../client/client.ts'
import type { Target, TargetOptions } from './target.ts'
import type { Operation } from './workload.ts'

/** Load through the client library, as a program would make it: one connection, with a session. */
export class StreamTarget implements Target {
  readonly #client: PaxosClient
  readonly #value: Uint8Array
  readonly #reading: { readonly consistency: 'stale' | 'linearizable' }

  constructor({ endpoints, followLeader, inFlight, timeoutMs, value, isStale }: TargetOptions) {
    this.#client = new PaxosClient({ endpoints, followLeader, timeoutMs, maxInFlight: inFlight })
    this.#value = value
    this.#reading = { consistency: isStale ? 'stale' : 'linearizable' }
  }

  async run(operation: Operation): Promise<void> {
    const { kind, key } = operation
    switch (kind) {
      case 'put':
        await this.#client.put(key, this.#value)
        return
      case 'get': {
        const found = await this.#client.get(key, this.#reading)
        if (found === undefined) throw new PaxosError('KEY_NOT_FOUND', `${key} is not there`)
        return
      }
      case 'txn': {
        const put = { key, value: this.#value }
        const compare = [{ key, target: 'version', op: '>', operand: 0 }] as const
        // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
        const txn = { compare, then: [{ put }, { put: { ...put, key: operation.other } }], else: [{ get: { key } }] }
        await this.#client.txn(txn)
        return
      }
    }
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}
