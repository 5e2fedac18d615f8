import { toBinary } from '../../src/base/bytes.ts'
import type { TrailName } from '../../src/machine/audit-record.ts'
import { encodeBarrier, encodeBatch, encodeRequest } from '../../src/machine/command-codec.ts'
import { KvMachine } from '../../src/machine/kv-machine.ts'
import { metaKey } from '../../src/machine/layout.ts'
import { emptyMeta, encodeMeta } from '../../src/machine/records.ts'
import type { Answer, Command, Compare, Key, Operation, Reply, SessionStamp } from '../../src/machine/request.ts'
import type { ReadView, View } from '../../src/machine/view.ts'
import { type Entry, noop } from '../../src/protocol/entry.ts'
import type { Slot } from '../../src/protocol/ids.ts'
import type { Origin } from '../../src/protocol/origin.ts'
import { Overlay } from '../../src/runtime/overlay.ts'

/** What lies below an overlay in these tests. */
export class BaseView implements ReadView {
  readonly #data = new Map<string, Uint8Array>()

  get(key: string): Uint8Array | undefined {
    return this.#data.get(key)
  }

  *range(start: string, end: string | undefined): Generator<readonly [string, Uint8Array]> {
    const keys = [...this.#data.keys()].filter((key) => key >= start && (end === undefined || key < end)).sort()
    for (const key of keys) yield [key, this.#data.get(key) ?? new Uint8Array(0)]
  }

  commit(changes: ReadonlyMap<string, Uint8Array | null>): void {
    for (const [key, value] of changes) {
      if (value === null) this.#data.delete(key)
      else this.#data.set(key, value)
    }
  }
}

/** Counts what a machine does to its view. */
export class CountingView implements View {
  puts = 0
  deletes = 0
  readonly #view: View

  constructor(view: View) {
    this.#view = view
  }

  get(key: string): Uint8Array | undefined {
    return this.#view.get(key)
  }

  range(start: string, end: string | undefined): Iterable<readonly [string, Uint8Array]> {
    return this.#view.range(start, end)
  }

  put(key: string, value: Uint8Array): void {
    this.puts++
    this.#view.put(key, value)
  }

  delete(key: string): void {
    this.deletes++
    this.#view.delete(key)
  }

  reset(): void {
    this.puts = 0
    this.deletes = 0
  }
}

/** A machine with its view and the slot that comes next. */
export class Bench {
  readonly base = new BaseView()
  readonly overlay = new Overlay(this.base)
  readonly view = new CountingView(this.overlay)
  machine = new KvMachine(this.view)
  timeMs = 1000

  get slot(): Slot {
    return this.machine.appliedUpTo
  }

  /** What the audit trail keeps, the newest first. */
  trail(trail: TrailName, more: { before?: number; limit?: number; key?: string } = {}): Answer & { kind: 'trail' } {
    const { before, limit = 0, key } = more
    const answer = this.machine.query({
      ...{ kind: 'trail', trail, before, limit },
      key: key === undefined ? undefined : toKey(key),
    })
    if (answer.kind !== 'trail') throw new Error(answer.kind)
    return answer
  }

  changes(key: string, more: { before?: number; limit?: number } = {}): Answer & { kind: 'changes' } {
    const { before, limit = 0 } = more
    const answer = this.machine.query({ kind: 'changes', key: toKey(key), before, limit })
    if (answer.kind !== 'changes') throw new Error(answer.kind)
    return answer
  }

  /** As the node `n1` submits it for somebody. */
  by(actor: string, command: Command, session?: SessionStamp): Reply {
    const request = encodeRequest({ session, command, origin: originOf(actor) })
    const [reply] = this.entry({ kind: 'batch', payload: encodeBatch(this.timeMs, [request]) })
    if (reply === undefined) throw new Error('no reply')
    return reply
  }

  entry(entry: Entry): readonly Reply[] {
    return this.machine.apply(this.slot, entry)
  }

  batch(...requests: readonly (Command | readonly [SessionStamp, Command])[]): readonly Reply[] {
    const encoded = requests.map((each) =>
      encodeRequest('kind' in each ? { session: undefined, command: each } : { session: each[0], command: each[1] }),
    )
    return this.entry({ kind: 'batch', payload: encodeBatch(this.timeMs, encoded) })
  }

  one(command: Command, session?: SessionStamp): Reply {
    const [reply] = session === undefined ? this.batch(command) : this.batch([session, command])
    if (reply === undefined) throw new Error('no reply')
    return reply
  }

  barrier(): void {
    this.entry({ kind: 'barrier', payload: encodeBarrier(this.timeMs) })
  }

  idle(slots = 1): void {
    for (let i = 0; i < slots; i++) this.entry(noop)
  }

  put(key: string, value: string | Uint8Array, ifVersion?: number): Reply {
    return this.one(put(key, value, ifVersion))
  }

  get(key: string, revision?: number): string | undefined {
    const answer = this.machine.query({ kind: 'get', key: toKey(key), revision })
    if (answer.kind === 'error') return answer.code
    return answer.kind === 'item' && answer.item !== undefined ? toBinary(answer.item.value) : undefined
  }

  list(start = '', end?: string, more: { limit?: number; revision?: number; keysOnly?: boolean } = {}): Answer {
    const { limit = 0, revision, keysOnly = false } = more
    return this.machine.query({ kind: 'range', range: { start, end }, limit, revision, keysOnly })
  }

  /** As if `revision` were the newest and everything below were compacted. */
  begin(revision: number): void {
    this.view.put(metaKey, encodeMeta({ ...emptyMeta, revision, compactedRevision: revision }))
    this.restart()
  }

  /** As after a crash: what was not flushed is not lost here, but everything in memory is. */
  restart(): void {
    this.machine = new KvMachine(this.view)
  }

  flush(): void {
    this.base.commit(this.overlay.take())
    this.overlay.settle()
  }

  dump(prefix = ''): readonly string[] {
    const pairs = [...this.overlay.range(prefix, undefined)].filter(([key]) => key.startsWith(prefix))
    return pairs.map(([key, value]) => `${escaped(key)} = ${escaped(toBinary(value))}`)
  }
}

export function originOf(actor: string): Origin {
  return { actor, node: 'n1', address: '10.0.0.7' }
}

export function toKey(text: string): Key {
  return text as Key
}

export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (unit) => unit.charCodeAt(0))
}

export function put(key: string, value: string | Uint8Array, ifVersion?: number): Command {
  return { kind: 'put', key: toKey(key), value: typeof value === 'string' ? bytes(value) : value, ifVersion }
}

export function del(key: string, ifVersion?: number): Command {
  return { kind: 'delete', key: toKey(key), ifVersion }
}

export function txn(
  compare: readonly Compare[],
  then: readonly Operation[],
  otherwise: readonly Operation[] = [],
): Command {
  return { kind: 'txn', compare, then, else: otherwise }
}

export function stamp(id: number, seq: number, ackedBelow = 0): SessionStamp {
  return { id, seq, ackedBelow }
}

/** Names of keys that sort and escape in every awkward way. */
export const awkwardKeys = [
  '\0',
  '\0\0',
  '\0\x01',
  '\0\xff',
  '\x01',
  'a',
  'a\0',
  'a\0\0',
  'a\0\xff',
  'a\x01',
  'ab',
  '\xff',
]

function escaped(text: string): string {
  return JSON.stringify(text)
}
