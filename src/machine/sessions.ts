/**
 * The session table: who may retry what, and until when.
 *
 * - Time is the replicated clock: the greatest time that a batch or barrier brought. No replica looks at its own.
 * - A session is over once the clock reaches its deadline, whether it is removed yet or not. Removal goes in steps, in
 *   the order of deadlines, so it is the same everywhere.
 * - A barrier, which is what a new leader begins with, gives every living session its full time to live again: nobody
 *   could reach a leader meanwhile. It is one number, not a write per session.
 * - What is kept in memory follows from the view alone.
 */
import { assert } from '../base/assert.ts'
import { SortedKeys } from '../base/sorted-keys.ts'
import { expiryStepSessions, garbageStepRecords, sessionsMax } from './bounds.ts'
import {
  garbageKey,
  garbageRange,
  readU64Text,
  repliesRange,
  sessionKey,
  sessionOf,
  sessionRange,
  u64Text,
} from './layout.ts'
import { decodeSession, encodeSession, type Meta } from './records.ts'
import { SessionReplies } from './session-replies.ts'
import type { View } from './view.ts'

export interface Session {
  readonly id: number
  readonly ttlMs: number
  deadlineMs: number
  ackedBelow: number
  /** Where it stands in the queue of deadlines: at its deadline or earlier, since it moves only when its turn comes. */
  queued: string
  /** Read from the view when first needed. */
  replies: SessionReplies | undefined
}

const nothing = new Uint8Array(0)

export class Sessions {
  readonly #view: View
  #table = new Map<number, Session>()
  #deadlines = new SortedKeys()
  #garbage = new SortedKeys()
  #touched = new Set<Session>()
  #clockMs = 0
  #barrierMs = 0
  #lastId = 0

  constructor(view: View) {
    this.#view = view
  }

  get count(): number {
    return this.#table.size
  }

  get clockMs(): number {
    return this.#clockMs
  }

  get barrierMs(): number {
    return this.#barrierMs
  }

  get lastId(): number {
    return this.#lastId
  }

  reload({ clockMs, barrierMs, lastSession }: Meta): void {
    this.#clockMs = clockMs
    this.#barrierMs = barrierMs
    this.#lastId = lastSession
    this.#table = new Map()
    this.#deadlines = new SortedKeys()
    this.#garbage = new SortedKeys()
    this.#touched = new Set()
    for (const [key, record] of this.#view.range(sessionRange.start, sessionRange.end)) {
      this.#insert({ id: sessionOf(key), ...decodeSession(record), queued: '', replies: undefined })
    }
    for (const [key] of this.#view.range(garbageRange.start, garbageRange.end)) this.#garbage.add(key)
  }

  /** Begins a batch. */
  advance(timeMs: number): void {
    this.#clockMs = Math.max(this.#clockMs, timeMs)
    this.#expire(expiryStepSessions)
  }

  /** Begins a new leader's time. */
  barrier(timeMs: number): void {
    // What ended before must not come to life again, so for once all of it is removed.
    this.#expire(Number.POSITIVE_INFINITY)
    this.#clockMs = Math.max(this.#clockMs, timeMs)
    this.#barrierMs = this.#clockMs
  }

  /** The next so many numbers are given to nobody. */
  skipIds(count: number): void {
    assert(count >= 0, 'session numbers never fall: %s', count)
    assert(Number.isSafeInteger(this.#lastId + count), 'no session numbers are left: %s + %s', this.#lastId, count)
    this.#lastId += count
  }

  /** Undefined when there are too many. */
  open(ttlMs: number): Session | undefined {
    if (this.#table.size >= sessionsMax) return undefined
    this.#lastId++
    const deadlineMs = this.#clockMs + ttlMs
    const session: Session = { id: this.#lastId, ttlMs, deadlineMs, ackedBelow: 0, queued: '', replies: undefined }
    this.#insert(session)
    this.#touched.add(session)
    return session
  }

  /** The session, with its time to live begun anew; undefined when there is none or it is over. */
  touch(id: number): Session | undefined {
    const session = this.#table.get(id)
    if (session === undefined || this.#deadlineOf(session) <= this.#clockMs) return undefined
    session.deadlineMs = this.#clockMs + session.ttlMs
    this.#touched.add(session)
    return session
  }

  repliesOf(session: Session): SessionReplies {
    session.replies ??= new SessionReplies(this.#view, session.id, session.ackedBelow)
    return session.replies
  }

  acknowledge(session: Session, ackedBelow: number): void {
    if (ackedBelow <= session.ackedBelow) return
    this.repliesOf(session).forget(session.ackedBelow, ackedBelow)
    session.ackedBelow = ackedBelow
  }

  end(session: Session): void {
    this.#table.delete(session.id)
    this.#touched.delete(session)
    this.#deadlines.delete(session.queued)
    this.#view.delete(sessionKey(session.id))
    this.#garbage.add(garbageKey(session.id))
    this.#view.put(garbageKey(session.id), nothing)
  }

  /** Ends a slot. */
  finish(slot: number): void {
    for (const session of this.#touched) {
      this.#view.put(sessionKey(session.id), encodeSession(session))
      session.replies?.write(slot)
    }
    this.#touched.clear()
    this.#collect()
  }

  #insert(session: Session): void {
    assert(session.id <= this.#lastId, 'session %s was never opened', session.id)
    this.#table.set(session.id, session)
    this.#queue(session)
  }

  #queue(session: Session): void {
    session.queued = `${u64Text(this.#deadlineOf(session))}${u64Text(session.id)}`
    this.#deadlines.add(session.queued)
  }

  #deadlineOf({ deadlineMs, ttlMs }: Session): number {
    // Opened or touched after the barrier, it has more than that anyway.
    return Math.max(deadlineMs, this.#barrierMs + ttlMs)
  }

  #expire(sessionsAtMost: number): void {
    let ended = 0
    while (ended < sessionsAtMost) {
      const first = this.#deadlines.first()
      if (first === undefined || readU64Text(first, 0) > this.#clockMs) return
      const session = this.#table.get(readU64Text(first, 8))
      assert(session !== undefined, 'a deadline of no session')
      if (this.#deadlineOf(session) === readU64Text(first, 0)) {
        this.end(session)
        ended++
      } else {
        // Even when it is over: another's turn may come first.
        this.#deadlines.delete(first)
        this.#queue(session)
      }
    }
  }

  /** Removes some of the replies of sessions that ended. */
  #collect(): void {
    let left = garbageStepRecords
    while (left > 0) {
      const first = this.#garbage.first()
      if (first === undefined) return
      const { start, end } = repliesRange(sessionOf(first))
      const found: string[] = []
      for (const [key] of this.#view.range(start, end)) {
        if (found.length === left) break
        found.push(key)
      }
      for (const key of found) this.#view.delete(key)
      left -= found.length
      if (left === 0) return
      this.#garbage.delete(first)
      this.#view.delete(first)
      left--
    }
  }
}
