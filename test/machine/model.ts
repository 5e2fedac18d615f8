import { sessionTtlMsMax, sessionTtlMsMin, sessionWindow } from '../../src/machine/bounds.ts'
import type {
  Answer,
  Command,
  Compare,
  Item,
  KeyRange,
  Operation,
  OperationResult,
  Query,
  Reply,
  Request,
} from '../../src/machine/request.ts'
import type { Slot } from '../../src/protocol/ids.ts'

interface ModelSession {
  readonly ttlMs: number
  deadlineMs: number
  ackedBelow: number
  readonly replies: Map<number, Reply>
}

type Data = Map<string, Item>

/**
 * The key-value machine once more, as plainly as can be: a whole copy of the data for every revision, everything in
 * plain maps, nothing removed in steps. Errors carry no message.
 */
export class Model {
  compacted = 0
  readonly #revisions: Data[] = [new Map()]
  readonly #sessions = new Map<number, ModelSession>()
  #opened = 0
  #clockMs = 0

  get revision(): number {
    return this.#revisions.length - 1
  }

  get sessions(): readonly number[] {
    return [...this.#sessions.keys()]
  }

  barrier(timeMs: number): void {
    this.#clockMs = Math.max(this.#clockMs, timeMs)
    for (const session of this.#sessions.values()) {
      session.deadlineMs = Math.max(session.deadlineMs, this.#clockMs + session.ttlMs)
    }
  }

  batch(slot: Slot, timeMs: number, requests: readonly Request[]): readonly Reply[] {
    this.#clockMs = Math.max(this.#clockMs, timeMs)
    for (const [id, session] of this.#sessions) if (session.deadlineMs <= this.#clockMs) this.#sessions.delete(id)
    return requests.map((request) => this.#apply(slot, request))
  }

  query(query: Query): Answer {
    const revision = this.revision
    const at = query.revision ?? revision
    if (at > revision) return { kind: 'error', code: 'BAD_REQUEST', message: '', revision }
    if (at < this.compacted) return { kind: 'error', code: 'COMPACTED', message: '', revision }
    const data = this.#revisions[at] ?? new Map()
    if (query.kind === 'get') return { kind: 'item', item: data.get(query.key), revision }
    const { items, more } = select(data, query.range, query.limit)
    const shown = query.keysOnly ? items.map((item) => ({ ...item, value: new Uint8Array(0) })) : items
    return { kind: 'items', items: shown, more, revision }
  }

  #apply(slot: Slot, { session: stamp, command }: Request): Reply {
    const error = (code: Extract<Reply, { kind: 'error' }>['code']): Reply => ({
      kind: 'error',
      slot,
      code,
      message: '',
    })
    if (command.kind === 'openSession')
      return stamp === undefined ? this.#open(slot, command.ttlMs) : error('BAD_REQUEST')
    const once = command.kind !== 'keepAlive' && command.kind !== 'closeSession'
    if (stamp === undefined) return once ? this.#execute(slot, command) : error('BAD_REQUEST')
    const session = this.#sessions.get(stamp.id)
    if (session === undefined) return error('SESSION_EXPIRED')
    session.deadlineMs = this.#clockMs + session.ttlMs
    if (command.kind === 'closeSession') this.#sessions.delete(stamp.id)
    session.ackedBelow = Math.max(session.ackedBelow, stamp.ackedBelow)
    if (!once) return { kind: 'session', slot, id: stamp.id, ttlMs: session.ttlMs }
    if (stamp.seq < session.ackedBelow) return error('BAD_REQUEST')
    const stored = session.replies.get(stamp.seq)
    if (stored !== undefined) return stored
    if (stamp.seq >= session.ackedBelow + sessionWindow) return error('OVERLOADED')
    const reply = this.#execute(slot, command)
    session.replies.set(stamp.seq, reply)
    return reply
  }

  #open(slot: Slot, ttlMs: number): Reply {
    if (ttlMs < sessionTtlMsMin || ttlMs > sessionTtlMsMax)
      return { kind: 'error', slot, code: 'BAD_REQUEST', message: '' }
    const id = ++this.#opened
    this.#sessions.set(id, { ttlMs, deadlineMs: this.#clockMs + ttlMs, ackedBelow: 0, replies: new Map() })
    return { kind: 'session', slot, id, ttlMs }
  }

  #execute(slot: Slot, command: Command): Reply {
    const data: Data = new Map(this.#revisions.at(-1))
    const next = this.revision + 1
    const error = (code: Extract<Reply, { kind: 'error' }>['code']): Reply => ({
      kind: 'error',
      slot,
      code,
      message: '',
    })
    switch (command.kind) {
      case 'put': {
        if (command.ifVersion !== undefined && (data.get(command.key)?.version ?? 0) !== command.ifVersion) {
          return error('PRECONDITION_FAILED')
        }
        const version = putInto(data, command, next)
        this.#revisions.push(data)
        return { kind: 'put', slot, revision: next, version }
      }
      case 'delete':
        if (command.ifVersion !== undefined && (data.get(command.key)?.version ?? 0) !== command.ifVersion) {
          return error('PRECONDITION_FAILED')
        }
        return this.#deleted(slot, data, Number(data.delete(command.key)))
      case 'deleteRange':
        return this.#deleted(slot, data, deleteFrom(data, command.range))
      case 'txn': {
        const succeeded = command.compare.every((compare) => holds(data, compare))
        const operations = succeeded ? command.then : command.else
        const results = operations.map((operation) => operate(data, operation, next))
        const changed = results.some((each) => each.kind === 'put' || (each.kind === 'delete' && each.deleted > 0))
        if (changed) this.#revisions.push(data)
        return { kind: 'txn', slot, revision: this.revision, succeeded, results }
      }
      case 'compact':
        if (command.revision > this.revision) return error('BAD_REQUEST')
        if (command.revision <= this.compacted) return error('COMPACTED')
        this.compacted = command.revision
        return { kind: 'compact', slot, revision: this.revision, compacted: command.revision }
      default:
        throw new Error(`not executed: ${command.kind}`)
    }
  }

  #deleted(slot: Slot, data: Data, deleted: number): Reply {
    if (deleted > 0) this.#revisions.push(data)
    return { kind: 'delete', slot, revision: this.revision, deleted }
  }
}

function operate(data: Data, operation: Operation, revision: number): OperationResult {
  if (operation.kind === 'put') return { kind: 'put', version: putInto(data, operation, revision) }
  if (operation.kind === 'delete') return { kind: 'delete', deleted: deleteFrom(data, operation.range) }
  return { kind: 'get', ...select(data, operation.range, operation.limit) }
}

function putInto(data: Data, { key, value }: Pick<Item, 'key' | 'value'>, modRevision: number): number {
  const { createRevision, version } = data.get(key) ?? { createRevision: modRevision, version: 0 }
  data.set(key, { key, value, createRevision, modRevision, version: version + 1 })
  return version + 1
}

function deleteFrom(data: Data, range: KeyRange): number {
  const found = [...data.keys()].filter((key) => isIn(key, range))
  for (const key of found) data.delete(key)
  return found.length
}

function select(data: Data, range: KeyRange, limit: number): { items: Item[]; more: boolean } {
  const found = [...data.values()].filter((item) => isIn(item.key, range)).sort((a, b) => (a.key < b.key ? -1 : 1))
  const items = limit === 0 ? found : found.slice(0, limit)
  return { items, more: items.length < found.length }
}

function holds(data: Data, { key, target, op, operand }: Compare): boolean {
  const item = data.get(key)
  let order: number
  if (typeof operand === 'number') order = (target === 'value' ? 0 : (item?.[target] ?? 0)) - operand
  else order = Buffer.compare(item?.value ?? new Uint8Array(0), operand)
  return { '=': order === 0, '!=': order !== 0, '<': order < 0, '>': order > 0 }[op]
}

function isIn(key: string, { start, end }: KeyRange): boolean {
  return key >= start && (end === undefined || key < end)
}
