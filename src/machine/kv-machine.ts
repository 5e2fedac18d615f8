/**
 * The key-value store under one group's log.
 *
 * - The same entries in the same order give the same replies and the same view, byte for byte: no clock, no randomness,
 *   no limit of this node takes part. Time is what batches and barriers bring.
 * - Revision rises by one with each command that changed data: a put always, a transaction once, a delete of nothing not.
 * - Meta is written once per slot, in the view with everything else: applied slot, data and sessions move together.
 * - The stop sign of a recovery may raise revision and session numbers, with everything below compacted. Both are safe
 *   integers: one that would raise them beyond is ignored by every replica alike.
 * - No counter ever falls, and nothing is compacted above the revision.
 * - A request that belongs to a session is executed at most once; its reply is stored until it is acknowledged.
 */
import { assert, unreachable } from '../base/assert.ts'
import { type ErrorCode, PaxosError } from '../base/error.ts'
import type { Hash128 } from '../base/murmur3.ts'
import type { Entry } from '../protocol/entry.ts'
import { attributionOf, raisedBy } from '../protocol/epoch-codec.ts'
import { nextSlot, type Slot, toSlot } from '../protocol/ids.ts'
import type { Origin } from '../protocol/origin.ts'
import { AnswerBudget } from './answer.ts'
import { type AuditAction, actionOf, boundedRanges, didChange, writtenBy } from './audit-record.ts'
import { sessionReplyBytesMax, sessionsMax, sessionWindow } from './bounds.ts'
import { Chain, type ChainValue, chainValueOf } from './chain.ts'
import { decodeBarrier, decodeBatch, decodeRequest } from './command-codec.ts'
import { type Footprint, footprint } from './footprint.ts'
import { KeyChanges } from './key-changes.ts'
import { Kv } from './kv.ts'
import { metaKey, stopSignKey } from './layout.ts'
import { ttlProblem } from './limits.ts'
import type { Machine } from './machine.ts'
import { decodeStopSignRecord, encodeMeta, encodeStopSignRecord, type Meta, metaOf, type StopSign } from './records.ts'
import { decodeReply, encodeReply } from './reply-codec.ts'
import type { Answer, Command, KeyRange, Query, Reply, Request, SessionStamp } from './request.ts'
import { Sessions } from './sessions.ts'
import { Trail } from './trail.ts'
import { applyTxn } from './txn.ts'
import type { View } from './view.ts'

const noReplies: readonly Reply[] = []
/** In an answer as of an earlier revision: what keys were lies all over the history, and more would hold up the node. */
const oldItemsMax = 1000

export class KvMachine implements Machine {
  readonly #view: View
  #kv: Kv
  readonly #sessions: Sessions
  readonly #chain = new Chain()
  readonly #trail: Trail
  #appliedUpTo = toSlot(0)
  #revision = 0
  #compactedRevision = 0

  /** Throws PaxosError DATA_DIR_REFUSED when a newer version wrote what is in the view. */
  constructor(view: View) {
    this.#view = view
    this.#kv = new Kv(view, this.#chain)
    this.#sessions = new Sessions(view)
    this.#trail = new Trail(view, this.#chain)
    this.reload()
  }

  get appliedUpTo(): Slot {
    return this.#appliedUpTo
  }

  get revision(): number {
    return this.#revision
  }

  get compactedRevision(): number {
    return this.#compactedRevision
  }

  get isHistoryLeft(): boolean {
    return this.#kv.history.isLeft
  }

  get sessions(): number {
    return this.#sessions.count
  }

  get stopSign(): StopSign | undefined {
    const record = this.#view.get(stopSignKey)
    return record === undefined ? undefined : decodeStopSignRecord(record)
  }

  get chain(): { readonly since: Slot; readonly words: Hash128 } {
    return this.#chain
  }

  chainAt(slot: Slot): ChainValue | undefined {
    if (slot === this.#appliedUpTo && slot >= this.#chain.since) return chainValueOf(this.#chain.words)
    return slot < this.#appliedUpTo ? this.#chain.checkpoint(this.#view, slot) : undefined
  }

  reload(): void {
    const meta = metaOf(this.#view)
    this.#appliedUpTo = toSlot(meta.appliedUpTo)
    this.#revision = meta.revision
    this.#compactedRevision = meta.compactedRevision
    this.#kv = new Kv(this.#view, this.#chain)
    this.#chain.reload(meta.chainSince, meta.chain)
    this.#sessions.reload(meta)
    this.#trail.reload()
  }

  footprint(request: Request): Footprint {
    return footprint(request)
  }

  apply(slot: Slot, entry: Entry): readonly Reply[] {
    assert(slot === this.#appliedUpTo, 'slot %s applied after everything below %s', slot, this.#appliedUpTo)
    const before = this.#counters()
    this.#chain.begin(slot, entry)
    const replies = this.#applyEntry(slot, entry)
    for (const reply of replies) this.#chain.answered(reply)
    this.#mustNotFall(before)
    this.#kv.history.step(this.#compactedRevision)
    this.#sessions.finish(slot)
    this.#trail.finish()
    this.#appliedUpTo = nextSlot(slot)
    this.#endSlot()
    return replies
  }

  /** A read at the compacted revision itself is still answered, one below it is not. */
  query(query: Query): Answer {
    const revision = this.#revision
    if (query.kind === 'trail') return { kind: 'trail', ...this.#trail.page(query), revision }
    if (query.kind === 'changes') return this.#changes(query)
    const at = query.revision ?? revision
    const problem = this.#readProblem(at)
    if (problem !== undefined) return { kind: 'error', ...problem, revision }
    if (query.kind === 'get') {
      const item = at === revision ? this.#kv.get(query.key) : this.#kv.getAt(query.key, at)
      return { kind: 'item', item, revision }
    }
    const [found, limit] =
      at === revision
        ? [this.#kv.range(query.range), query.limit]
        : [this.#kv.rangeAt(query.range, at), Math.min(query.limit || oldItemsMax, oldItemsMax)]
    return { kind: 'items', ...new AnswerBudget().collect(found, limit, query.keysOnly), revision }
  }

  #changes(query: Query & { kind: 'changes' }): Answer {
    const [newest, compacted] = [this.#revision, this.#compactedRevision]
    const found = new KeyChanges(this.#kv, this.#trail).of(query, { newest, compacted })
    return { kind: 'changes', ...found, compactedRevision: compacted, revision: newest }
  }

  #readProblem(revision: number): { code: ErrorCode; message: string } | undefined {
    if (revision > this.#revision) {
      return { code: 'BAD_REQUEST', message: `Revision ${revision} is in the future: the newest is ${this.#revision}` }
    }
    if (revision >= this.#compactedRevision) return undefined
    const message = `Revision ${revision} is compacted: the oldest that can be read is ${this.#compactedRevision}`
    return { code: 'COMPACTED', message }
  }

  #applyEntry(slot: Slot, entry: Entry): readonly Reply[] {
    switch (entry.kind) {
      case 'batch':
        return this.#applyBatch(slot, entry.payload)
      case 'barrier':
        this.#sessions.barrier(valid(() => decodeBarrier(entry.payload)) ?? 0)
        return noReplies
      case 'stopSign':
        this.#auditEpoch(slot, entry.payload)
        this.#view.put(stopSignKey, encodeStopSignRecord({ slot, payload: entry.payload }))
        this.#raise(raisedBy(entry.payload))
        return noReplies
      case 'noop':
        return noReplies
      default:
        return unreachable(entry.kind)
    }
  }

  /** A batch that cannot be read is empty: it was chosen, so every replica has the same one and must go on. */
  #applyBatch(slot: Slot, payload: Uint8Array): readonly Reply[] {
    const batch = valid(() => decodeBatch(payload))
    if (batch === undefined) return noReplies
    this.#sessions.advance(batch.timeMs)
    return batch.requests.map((request) => this.#applyRequest(slot, request))
  }

  #applyRequest(slot: Slot, bytes: Uint8Array): Reply {
    let request: Request
    try {
      request = decodeRequest(bytes)
    } catch (error) {
      if (error instanceof PaxosError) return failed(slot, error.code, error.message)
      throw error
    }
    const { session, command, origin } = request
    switch (command.kind) {
      case 'openSession':
        return session === undefined
          ? this.#openSession(slot, command.ttlMs)
          : failed(slot, 'BAD_REQUEST', 'A session cannot be opened within another')
      case 'closeSession':
      case 'keepAlive':
        return session === undefined
          ? failed(slot, 'BAD_REQUEST', `A session is wanted to ${command.kind}`)
          : this.#keepOrClose(slot, session, command.kind)
      case 'note':
        return session === undefined
          ? this.#note(slot, command, origin ?? nobody)
          : failed(slot, 'BAD_REQUEST', 'A note belongs to no session')
      default:
        if (session !== undefined) return this.#executeOnce(slot, session, command, origin)
        return origin === undefined ? this.#execute(slot, command) : this.#audited(slot, command, origin)
    }
  }

  #openSession(slot: Slot, ttlMs: number): Reply {
    const problem = ttlProblem(ttlMs)
    if (problem !== undefined) return failed(slot, problem.code, problem.message)
    const session = this.#sessions.open(ttlMs)
    if (session === undefined) return failed(slot, 'OVERLOADED', `There are ${sessionsMax} sessions, no more allowed`)
    return { kind: 'session', slot, id: session.id, ttlMs }
  }

  /** Both may be repeated, so they use up no sequence number. */
  #keepOrClose(slot: Slot, stamp: SessionStamp, kind: 'keepAlive' | 'closeSession'): Reply {
    const session = this.#sessions.touch(stamp.id)
    if (session === undefined) return sessionExpired(slot, stamp)
    if (kind === 'closeSession') this.#sessions.end(session)
    else this.#sessions.acknowledge(session, stamp.ackedBelow)
    return { kind: 'session', slot, id: session.id, ttlMs: session.ttlMs }
  }

  /** Protocol of RIFL (Lee et al. 2015): whatever else a request is refused for, it is never executed twice. */
  #executeOnce(slot: Slot, stamp: SessionStamp, command: DataCommand, origin: Origin | undefined): Reply {
    const session = this.#sessions.touch(stamp.id)
    if (session === undefined) return sessionExpired(slot, stamp)
    this.#sessions.acknowledge(session, stamp.ackedBelow)
    const { seq } = stamp
    if (seq < session.ackedBelow) {
      const message = `Sequence number ${seq} is already acknowledged: everything below ${session.ackedBelow} is`
      return failed(slot, 'BAD_REQUEST', message)
    }
    const replies = this.#sessions.repliesOf(session)
    const stored = replies.get(seq)
    if (stored !== undefined) return decodeReply(stored)
    if (seq >= session.ackedBelow + sessionWindow || replies.bytes >= sessionReplyBytesMax) {
      const message = `Session ${session.id} has too many unacknowledged replies: the oldest is ${session.ackedBelow}`
      return failed(slot, 'OVERLOADED', message)
    }
    const reply = origin === undefined ? this.#execute(slot, command) : this.#audited(slot, command, origin)
    replies.add(slot, seq, encodeReply(reply))
    return reply
  }

  /** Executes it, and records who wanted it if it changed something. */
  #audited(slot: Slot, command: DataCommand, origin: Origin): Reply {
    const before = this.#revision
    const reply = this.#execute(slot, command)
    const action = actionOf(command)
    if (action === undefined || !didChange(reply, before)) return reply
    const detail = command.kind === 'compact' ? `to revision ${command.revision}` : ''
    this.#record(slot, this.#sessions.clockMs, action, origin, detail, writtenBy(command, reply))
    return reply
  }

  #note(slot: Slot, { action, detail }: Command & { kind: 'note' }, origin: Origin): Reply {
    return { kind: 'noted', slot, number: this.#record(slot, this.#sessions.clockMs, action, origin, detail) }
  }

  #auditEpoch(slot: Slot, payload: Uint8Array): void {
    const by = attributionOf(payload)
    if (by === undefined) return
    this.#record(slot, Math.max(this.#sessions.clockMs, by.timeMs), 'epoch', by.origin, by.detail)
  }

  #record(
    slot: Slot,
    timeMs: number,
    action: AuditAction,
    origin: Origin,
    detail: string,
    writes: readonly KeyRange[] = [],
  ): number {
    return this.#trail.add({ slot, timeMs, revision: this.#revision, action, origin, detail, ...boundedRanges(writes) })
  }

  #execute(slot: Slot, command: DataCommand): Reply {
    switch (command.kind) {
      case 'put': {
        const mismatch = this.#mismatch(slot, command)
        if (mismatch !== undefined) return mismatch
        const version = this.#kv.put(command.key, command.value, this.#revision + 1)
        this.#revision++
        return { kind: 'put', slot, revision: this.#revision, version }
      }
      case 'delete': {
        const mismatch = this.#mismatch(slot, command)
        if (mismatch !== undefined) return mismatch
        const deleted = Number(this.#kv.delete(command.key, this.#revision + 1))
        this.#revision += deleted
        return { kind: 'delete', slot, revision: this.#revision, deleted }
      }
      case 'deleteRange': {
        const problem = this.#kv.deletionProblem([command.range])
        if (problem !== undefined) return failed(slot, 'TOO_LARGE', problem)
        const deleted = this.#kv.deleteRange(command.range, this.#revision + 1)
        if (deleted > 0) this.#revision++
        return { kind: 'delete', slot, revision: this.#revision, deleted }
      }
      case 'txn': {
        const outcome = applyTxn(this.#kv, command, this.#revision + 1)
        if (typeof outcome === 'string') return failed(slot, 'TOO_LARGE', outcome)
        const { succeeded, results, changed } = outcome
        if (changed) this.#revision++
        return { kind: 'txn', slot, revision: this.#revision, succeeded, results }
      }
      case 'compact':
        return this.#compact(slot, command.revision)
      default:
        return unreachable(command)
    }
  }

  #mismatch(slot: Slot, { key, ifVersion }: DataCommand & { kind: 'put' | 'delete' }): Reply | undefined {
    if (ifVersion === undefined) return undefined
    const version = this.#kv.version(key)
    if (version === ifVersion) return undefined
    return failed(slot, 'PRECONDITION_FAILED', `Key has version ${version}, wanted ${ifVersion}`)
  }

  #compact(slot: Slot, compacted: number): Reply {
    if (compacted > this.#revision) {
      const message = `Cannot compact to revision ${compacted}: the newest is ${this.#revision}`
      return failed(slot, 'BAD_REQUEST', message)
    }
    if (compacted <= this.#compactedRevision) {
      return failed(slot, 'COMPACTED', `Revision ${compacted} is compacted: up to ${this.#compactedRevision} all are`)
    }
    this.#compactedRevision = compacted
    this.#kv.history.compact()
    return { kind: 'compact', slot, revision: this.#revision, compacted }
  }

  /**
   * After a recovery that may have lost something. Nothing that was lost and acknowledged shall share its number with what
   * comes now: not a revision, which could be read or waited for, and not a session, whose repeated request would be
   * answered with another client's reply.
   */
  #raise(by: number): void {
    if (by === 0 || Math.max(this.#revision, this.#sessions.lastId) + by > Number.MAX_SAFE_INTEGER) return
    this.#sessions.skipIds(by)
    this.#revision += by
    assert(this.#revision > this.#compactedRevision, 'raised by %s below what is compacted', by)
    this.#compactedRevision = this.#revision
    this.#kv.history.compact()
  }

  /** What only rises. */
  #counters(): Counters {
    const { clockMs, barrierMs, lastId: lastSession } = this.#sessions
    const [revision, compactedRevision] = [this.#revision, this.#compactedRevision]
    return { revision, compactedRevision, clockMs, barrierMs, lastSession }
  }

  /** Whoever was given a revision or a session has its number for good: it is not given to another. */
  #mustNotFall(before: Counters): void {
    const after = this.#counters()
    for (const name of counterNames) {
      assert(Number.isSafeInteger(after[name]), '%s has no more numbers: %s', name, after[name])
      assert(before[name] <= after[name], '%s falls from %s to %s', name, before[name], after[name])
    }
    const { revision, compactedRevision } = after
    assert(compactedRevision <= revision, 'compacted up to %s, above revision %s', compactedRevision, revision)
  }

  #endSlot(): void {
    const [appliedUpTo, counters] = [this.#appliedUpTo, this.#counters()]
    this.#chain.end(this.#view, appliedUpTo, [...counterNames.map((name) => counters[name]), this.#sessions.count])
    const chain = { chainSince: this.#chain.since, chain: this.#chain.value() }
    this.#view.put(metaKey, encodeMeta({ appliedUpTo, ...counters, ...chain }))
  }
}

type Counters = Pick<Meta, (typeof counterNames)[number]>

/** In the order in which the hash chain covers them. */
const counterNames = ['revision', 'compactedRevision', 'clockMs', 'barrierMs', 'lastSession'] as const

const nobody: Origin = { actor: '', node: '', address: '' }

/** Commands that belong in the order of a session. */
type DataCommand = Exclude<Command, { kind: 'openSession' | 'closeSession' | 'keepAlive' | 'note' }>

function failed(slot: Slot, code: ErrorCode, message: string): Reply {
  return { kind: 'error', slot, code, message }
}

function sessionExpired(slot: Slot, { id }: SessionStamp): Reply {
  return failed(slot, 'SESSION_EXPIRED', `Session ${id} is unknown or over`)
}

/** Undefined when the bytes do not decode. */
function valid<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch (error) {
    if (error instanceof PaxosError) return undefined
    throw error
  }
}
