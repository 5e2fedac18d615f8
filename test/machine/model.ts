import type { AuditAction, AuditRecord, TrailName } from '../../src/machine/audit-record.ts'
import { sessionTtlMsMax, sessionTtlMsMin, sessionWindow } from '../../src/machine/bounds.ts'
import type {
  Answer,
  Command,
  Compare,
  DataQuery,
  Item,
  Key,
  KeyChange,
  KeyRange,
  Operation,
  OperationResult,
  Reply,
  Request,
} from '../../src/machine/request.ts'
import type { Slot } from '../../src/protocol/ids.ts'
import type { Origin } from '../../src/protocol/origin.ts'

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
  compacted: number
  readonly #revisions: Data[]
  readonly #sessions = new Map<number, ModelSession>()
  #opened = 0
  #clockMs = 0

  /** Empty at `revision`, with everything below compacted. */
  constructor(revision: number) {
    this.compacted = revision
    this.#revisions = new Array<Data>(revision + 1).fill(new Map())
  }

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

  query(query: DataQuery): Answer {
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

  /** Everything that is to be in the trails, by rising numbers. */
  readonly trails: Record<TrailName, AuditRecord[]> = { admin: [], writes: [] }

  /** Newest first, without bounds. */
  changes(key: Key): readonly KeyChange[] {
    const changes: KeyChange[] = []
    const add = (revision: number, kind: KeyChange['kind']): void => {
      changes.push({ revision, kind, record: this.trails.writes.find((each) => each.revision === revision) })
    }
    for (let at = this.revision; at > this.compacted; at--) {
      const [item, before] = [this.#revisions[at]?.get(key), this.#revisions[at - 1]?.get(key)]
      if (item !== undefined && item.modRevision === at) add(at, 'put')
      else if (item === undefined && before !== undefined) add(at, 'delete')
    }
    const kept = this.#revisions[this.compacted]?.get(key)
    const below = kept?.modRevision ?? this.compacted + 1
    if (kept !== undefined) add(kept.modRevision, 'put')
    for (const record of this.trails.writes.toReversed()) {
      if (record.revision >= below || !record.ranges.some((range) => isIn(key, range))) continue
      add(record.revision, record.action === 'put' ? 'put' : record.action === 'txn' ? undefined : 'delete')
    }
    return changes
  }

  #record(slot: Slot, command: Command, origin: Origin, reply: Reply, revision: number): void {
    if (command.kind === 'compact' ? reply.kind !== 'compact' : this.revision === revision) return
    const action = command.kind === 'deleteRange' ? 'delete-range' : (command.kind as AuditAction)
    const trail = this.trails[command.kind === 'compact' ? 'admin' : 'writes']
    const detail = command.kind === 'compact' ? `to revision ${command.revision}` : ''
    let written: KeyRange[] = []
    if (command.kind === 'put' || command.kind === 'delete') {
      written = [{ start: command.key, end: `${command.key}\0` }]
    } else if (command.kind === 'deleteRange') {
      written = [command.range]
    } else if (command.kind === 'txn') {
      for (const operation of reply.kind === 'txn' && reply.succeeded ? command.then : command.else) {
        if (operation.kind === 'put') written.push({ start: operation.key, end: `${operation.key}\0` })
        else if (operation.kind === 'delete') written.push(operation.range)
      }
    }
    const at = { number: trail.length, slot, timeMs: this.#clockMs, revision: this.revision }
    trail.push({ ...at, action, origin, detail, ranges: written, rangesLeftOut: 0 })
  }

  #apply(slot: Slot, { session: stamp, command, origin }: Request): Reply {
    const error = (code: Extract<Reply, { kind: 'error' }>['code']): Reply => ({
      kind: 'error',
      slot,
      code,
      message: '',
    })
    if (command.kind === 'openSession')
      return stamp === undefined ? this.#open(slot, command.ttlMs) : error('BAD_REQUEST')
    if (command.kind === 'note' && stamp !== undefined) return error('BAD_REQUEST')
    const once = command.kind !== 'keepAlive' && command.kind !== 'closeSession'
    if (stamp === undefined) return once ? this.#audited(slot, command, origin) : error('BAD_REQUEST')
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
    const reply = this.#audited(slot, command, origin)
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

  #audited(slot: Slot, command: Command, origin: Origin | undefined): Reply {
    if (command.kind === 'note') {
      const number = this.trails.admin.length
      const at = { number, slot, timeMs: this.#clockMs, revision: this.revision }
      const who = origin ?? { actor: '', node: '', address: '' }
      const { action, detail } = command
      this.trails.admin.push({ ...at, action, origin: who, detail, ranges: [], rangesLeftOut: 0 })
      return { kind: 'noted', slot, number }
    }
    const { revision } = this
    const reply = this.#execute(slot, command)
    if (origin !== undefined) this.#record(slot, command, origin, reply, revision)
    return reply
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
