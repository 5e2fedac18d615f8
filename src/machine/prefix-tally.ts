/** Adds up what the records of a view take, by kind and by prefix of their keys. */
import { assert } from '../base/assert.ts'
import { entryBytes, readHistoryPage } from './history-page.ts'
import { recordKind, trailExtentsKey } from './layout.ts'

/** Records and their bytes, keys and values together. */
export interface Tally {
  count: number
  bytes: number
}

export interface PrefixTally {
  /** What the keys have in common. */
  readonly prefix: string
  readonly items: Tally
  readonly history: Tally
}

export class SpaceTally {
  readonly items: Tally = { count: 0, bytes: 0 }
  /** What its pages, milestones and deletions take beside the items counts with its bytes, but not with those of a prefix. */
  readonly history: Tally = { count: 0, bytes: 0 }
  /** With the replies that are kept for them. */
  readonly sessions: Tally = { count: 0, bytes: 0 }
  /** What the trails keep is bounded by the machine. */
  readonly audit: Tally = { count: 0, bytes: 0 }
  readonly other: Tally = { count: 0, bytes: 0 }
  readonly #prefixes = new Map<string, PrefixTally>()
  readonly #prefix: string
  readonly #depth: number

  /** Of keys that begin with `prefix`. Prefixes are told apart by so many segments after it, each up to a slash. */
  constructor(prefix: string, depth: number) {
    this.#prefix = prefix
    this.#depth = depth
  }

  get prefixes(): readonly PrefixTally[] {
    return [...this.#prefixes.values()]
  }

  /** A record that is no page of the history: `bytes` of it without its key. */
  add(viewKey: string, bytes: number): void {
    const size = viewKey.length + bytes
    const kind = recordKind(viewKey)
    assert(kind !== 'history', 'a page of the history has many records')
    if (kind === 'item') {
      note(this.items, size)
      note(this.#tally(viewKey.slice(1)).items, size)
    } else if (kind === 'session') note(this.sessions, size)
    else if (viewKey === trailExtentsKey) this.audit.bytes += size
    else if (kind === 'audit') note(this.audit, size)
    else if (isOfSession(viewKey)) this.sessions.bytes += size
    else if (isOfHistory(viewKey)) this.history.bytes += size
    else note(this.other, size)
  }

  /** Its items, as far as they are of the prefix. Gives their number. */
  addHistory(viewKey: string, page: Uint8Array): number {
    let count = 0
    if (this.#prefix === '') this.history.bytes += viewKey.length
    for (const entry of readHistoryPage(page)) {
      if (!entry.key.startsWith(this.#prefix)) continue
      const size = entryBytes(entry)
      const tally = this.#tally(entry.key)
      if (entry.kind === 'deletion') {
        this.history.bytes += size
        tally.history.bytes += size
        continue
      }
      count++
      note(this.history, size)
      note(tally.history, size)
    }
    return count
  }

  #tally(key: string): PrefixTally {
    const prefix = prefixOf(key, this.#prefix.length, this.#depth)
    let tally = this.#prefixes.get(prefix)
    if (tally === undefined) {
      tally = { prefix, items: { count: 0, bytes: 0 }, history: { count: 0, bytes: 0 } }
      this.#prefixes.set(prefix, tally)
    }
    return tally
  }
}

/** The key up to its `depth`-th slash after `from`, or up to its last one there; its first `from` bytes if there is none. */
export function prefixOf(key: string, from: number, depth: number): string {
  let end = from
  for (let level = 0; level < depth; level++) {
    const slash = key.indexOf('/', end)
    if (slash < 0) break
    end = slash + 1
  }
  return key.slice(0, end)
}

/** Milestones, and which revisions deleted a key. */
function isOfHistory(viewKey: string): boolean {
  return viewKey.charCodeAt(0) === 0x69 || viewKey.charCodeAt(0) === 0x64
}

/** Stored replies, and ended sessions whose replies remain. */
function isOfSession(viewKey: string): boolean {
  return viewKey.charCodeAt(0) === 0x72 || viewKey.charCodeAt(0) === 0x67
}

function note(tally: Tally, bytes: number): void {
  tally.count++
  tally.bytes += bytes
}
