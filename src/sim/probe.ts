import { fromBinary } from '../base/bytes.ts'
import { encodeRequest } from '../machine/command-codec.ts'
import type { Command, DataQuery, Key } from '../machine/request.ts'
import type { ClientOperation } from './client.ts'
import type { SimNode } from './node.ts'
import type { Scheduler } from './scheduler.ts'

/** Asks one node for one write and one read, without a session and without a second try. */
export class Probe {
  /** The write as it is sent. */
  readonly request: Uint8Array
  readonly #client: number
  readonly #node: SimNode
  readonly #scheduler: Scheduler
  readonly #onAnswer: (operation: ClientOperation) => void
  readonly #command: Command
  readonly #query: DataQuery

  constructor(client: number, node: SimNode, scheduler: Scheduler, onAnswer: (operation: ClientOperation) => void) {
    this.#client = client
    this.#node = node
    this.#scheduler = scheduler
    this.#onAnswer = onAnswer
    const key = 'k0' as Key
    this.#command = { kind: 'put', key, value: fromBinary(`probe ${client}`), ifVersion: undefined }
    this.#query = { kind: 'get', key, revision: undefined }
    this.request = encodeRequest({ session: undefined, command: this.#command })
  }

  start(timeoutMs: number): void {
    const invokedAt = this.#scheduler.now
    const answered = (input: ClientOperation['input'], output: ClientOperation['output']): void =>
      this.#onAnswer({ client: this.#client, invokedAt, returnedAt: this.#scheduler.now, input, output })
    this.#node.run(() => {
      this.#node.replica?.submit(this.request, timeoutMs, (outcome) => {
        if (outcome.kind === 'replied') answered({ kind: 'command', command: this.#command }, outcome.reply)
      })
      this.#node.replica?.read(this.#query, 'linearizable', timeoutMs, (outcome) => {
        if (outcome.kind === 'answered') {
          answered({ kind: 'query', query: this.#query, isStale: false }, outcome.answer)
        }
      })
    })
  }
}
