/**
 * Where the machine keeps what in its View. Everything is there, so one transaction below the view moves it all together.
 *
 * | key                                         | value                                                             |
 * | `m`                                         | Meta: applied slot, revision, compacted revision, clock, …        |
 * | `k` key                                     | the item as it is now                                             |
 * | `h` u64 supersededAt, key                  | HistoryPage: items as they were, the last one superseded by this revision under this key |
 * | `i` escaped key, NUL SOH, u64 supersededAt  | nothing: a milestone, an item of the key in the history from which others are found |
 * | `d` escaped key, NUL SOH, u64 deletedAt     | u64 createRevision of what this revision deleted                  |
 * | `s` u64 session                             | Session: time to live, deadline, acknowledged sequence number     |
 * | `r` u64 session, u64 slot                   | the replies that this slot gave to the session                    |
 * | `g` u64 session                             | nothing: an ended session, some of whose `r` records remain       |
 * | `e`                                         | StopSign: the last one applied, so that a snapshot says its epoch |
 * | `v` u64 slot                                | the value of the hash chain there (`chain.ts`)                    |
 * | `a` u64 number                              | AuditRecord: what an operator did (`audit-record.ts`)             |
 * | `w` u64 number                              | AuditRecord: an audited write                                     |
 * | `t`                                         | the extents of the two trails; absent before the first record     |
 *
 * An item is in the history only once it is superseded, so a new key costs one write, and the record moves from `k` as it
 * is. The history is ordered by the revision that ended an item: what a slot supersedes fills a few pages at the end of it, and a
 * compaction takes pages away at its beginning (ADR 0017).
 *
 * Integers are big-endian. Escaping (NUL becomes NUL 0xff) and the end mark keep the order of keys, whatever bytes they
 * have. The longest view key is 1 + 2 * 1024 + 2 + 8 = 2059 bytes.
 */
import { assert } from '../base/assert.ts'
import type { Key, KeyRange } from './request.ts'

export const metaKey = 'm'
export const stopSignKey = 'e'
export const trailExtentsKey = 't'

const endMark = '\0\x01'
const u64Length = 8
const u32Factor = 4294967296

/** What lies under a view key, of what a backup counts or a restore keeps. */
export function recordKind(viewKey: string): 'meta' | 'item' | 'history' | 'session' | 'audit' | 'other' {
  if (viewKey === metaKey) return 'meta'
  switch (viewKey.charCodeAt(0)) {
    case 0x6b:
      return 'item'
    case 0x68:
      return 'history'
    case 0x73:
      return 'session'
    case 0x61:
    case 0x74:
    case 0x77:
      return 'audit'
    default:
      return 'other'
  }
}

export function itemKey(key: Key): string {
  return `k${key}`
}

export function keyOfItem(viewKey: string): Key {
  assert(viewKey.charCodeAt(0) === 0x6b, 'not the view key of an item')
  return viewKey.slice(1) as Key
}

export function itemRange({ start, end }: KeyRange): { start: string; end: string } {
  return { start: `k${start}`, end: end === undefined ? 'l' : `k${end}` }
}

/** Of a page of the history whose last record is that of this key under this revision. */
export function historyKey(key: Key, supersededAt: number): string {
  return `h${u64Text(supersededAt)}${key}`
}

/** View keys of all history. */
export const historyRange = { start: 'h', end: 'i' } as const

/** Above the pages that hold nothing superseded later than at `revision`, at or below the others. */
export function historyEnd(revision: number): string {
  return `h${u64Text(revision + 1)}`
}

export function deletionKey(key: Key, deletedAt: number): string {
  return `d${escapeKey(key)}${endMark}${u64Text(deletedAt)}`
}

/** View keys of the deletions of the keys in a range. */
export function deletionRange({ start, end }: KeyRange): { start: string; end: string } {
  return { start: `d${escapeKey(start)}`, end: end === undefined ? 'e' : `d${escapeKey(end)}` }
}

/** Above all deletions of the key, at or below those of the next. */
export function deletionsEnd(key: Key): string {
  return `d${escapeKey(key)}\0\x02`
}

export function keyOfDeletion(viewKey: string): Key {
  return unescapeKey(viewKey.slice(1, -u64Length - endMark.length)) as Key
}

export function milestoneKey(key: Key, supersededAt: number): string {
  return `i${escapeKey(key)}${endMark}${u64Text(supersededAt)}`
}

/** View keys of the milestones of a key that were superseded at `from` or later. */
export function milestonesFrom(key: Key, from: number): { start: string; end: string } {
  return { start: milestoneKey(key, from), end: `i${escapeKey(key)}\0\x02` }
}

/** Of a milestone or a deletion. */
export function revisionOfMark(viewKey: string): number {
  return readU64Text(viewKey, viewKey.length - u64Length)
}

export function sessionKey(id: number): string {
  return `s${u64Text(id)}`
}

export const sessionRange = { start: 's', end: 't' } as const

export function repliesKey(id: number, slot: number): string {
  return `r${u64Text(id)}${u64Text(slot)}`
}

export function repliesRange(id: number): { start: string; end: string } {
  return { start: `r${u64Text(id)}`, end: `r${u64Text(id + 1)}` }
}

export function slotOfReplies(viewKey: string): number {
  return readU64Text(viewKey, 1 + u64Length)
}

export function garbageKey(id: number): string {
  return `g${u64Text(id)}`
}

export const garbageRange = { start: 'g', end: 'h' } as const

export function chainKey(slot: number): string {
  return `v${u64Text(slot)}`
}

export const chainRange = { start: 'v', end: 'w' } as const

export function slotOfChain(viewKey: string): number {
  return readU64Text(viewKey, 1)
}

export function trailKey(trail: 'admin' | 'writes', number: number): string {
  return `${trail === 'admin' ? 'a' : 'w'}${u64Text(number)}`
}

/** Of a view key that is a prefix and a session's number. */
export function sessionOf(viewKey: string): number {
  return readU64Text(viewKey, 1)
}

/** Eight bytes, big-endian, as a binary string: it sorts as the number does. */
export function u64Text(value: number): string {
  const high = Math.floor(value / u32Factor)
  const low = value >>> 0
  return String.fromCharCode(
    high >>> 24,
    (high >>> 16) & 0xff,
    (high >>> 8) & 0xff,
    high & 0xff,
    low >>> 24,
    (low >>> 16) & 0xff,
    (low >>> 8) & 0xff,
    low & 0xff,
  )
}

export function readU64Text(text: string, at: number): number {
  let value = 0
  for (let i = at; i < at + u64Length; i++) value = value * 256 + text.charCodeAt(i)
  assert(Number.isSafeInteger(value), 'not a u64 in a view key')
  return value
}

function escapeKey(key: string): string {
  return key.includes('\0') ? key.replaceAll('\0', '\0\xff') : key
}

function unescapeKey(escaped: string): string {
  return escaped.includes('\0') ? escaped.replaceAll('\0\xff', '\0') : escaped
}
