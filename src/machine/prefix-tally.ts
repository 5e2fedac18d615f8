/** Adds up what the records of a view take, by kind and by prefix of their keys. */
import { keyOfHistory, recordKind, trailExtentsKey } from './layout.ts'

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
  /** Its index and its deletions count with its bytes: they go with it. */
  readonly history: Tally = { count: 0, bytes: 0 }
  /** With the replies that are kept for them. */
  readonly sessions: Tally = { count: 0, bytes: 0 }
  /** What the trails keep is bounded by the machine. */
  readonly audit: Tally = { count: 0, bytes: 0 }
  readonly other: Tally = { count: 0, bytes: 0 }
  readonly #prefixes = new Map<string, PrefixTally>()
  readonly #prefixLength: number
  readonly #depth: number

  /** Prefixes are told apart by so many segments, each up to a slash, after the first `prefixLength` bytes. */
  constructor(prefixLength: number, depth: number) {
    this.#prefixLength = prefixLength
    this.#depth = depth
  }

  get prefixes(): readonly PrefixTally[] {
    return [...this.#prefixes.values()]
  }

  /** `bytes` of the record without its key. */
  add(viewKey: string, bytes: number): void {
    const size = viewKey.length + bytes
    const kind = recordKind(viewKey)
    if (kind === 'item' || kind === 'history') {
      const key = kind === 'item' ? viewKey.slice(1) : keyOfHistory(viewKey)
      const tally = this.#prefix(key)
      note(kind === 'item' ? this.items : this.history, size)
      note(kind === 'item' ? tally.items : tally.history, size)
    } else if (kind === 'session') note(this.sessions, size)
    else if (viewKey === trailExtentsKey) this.audit.bytes += size
    else if (kind === 'audit') note(this.audit, size)
    else if (isOfSession(viewKey)) this.sessions.bytes += size
    else if (isOfHistory(viewKey)) this.history.bytes += size
    else note(this.other, size)
  }

  #prefix(key: string): PrefixTally {
    const prefix = prefixOf(key, this.#prefixLength, this.#depth)
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

/** What is beside the records themselves: the index of a compaction, and which revisions deleted a key. */
function isOfHistory(viewKey: string): boolean {
  return viewKey.charCodeAt(0) === 0x63 || viewKey.charCodeAt(0) === 0x64
}

/** Stored replies, and ended sessions whose replies remain. */
function isOfSession(viewKey: string): boolean {
  return viewKey.charCodeAt(0) === 0x72 || viewKey.charCodeAt(0) === 0x67
}

function note(tally: Tally, bytes: number): void {
  tally.count++
  tally.bytes += bytes
}
