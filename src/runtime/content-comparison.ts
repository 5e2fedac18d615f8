/**
 * Compares one page of keys, as they were at one revision, on all members, and finds the first key that differs: where two
 * hashes are not the same, the range is split at the keys that this node has. Decides what to ask; asks nothing itself.
 */
import { assert } from '../base/assert.ts'
import type { ChainValue } from '../machine/chain.ts'
import type { NodeId } from '../protocol/ids.ts'
import type { ContentBounds, ContentReport } from './content-parts.ts'
import { contentPartsMax } from './peer-message.ts'

/** Keys from `start` up to, not including, `end`. */
export interface KeySpan {
  readonly start: string
  readonly end: string | undefined
}

export interface ContentVerdict {
  /** unknown: too few answered. */
  readonly verdict: 'same' | 'diverged' | 'unknown'
  readonly members: readonly {
    readonly node: NodeId
    /** As in the comparison of chains; compacted and behind: it could not read that revision. */
    readonly state: 'same' | 'diverged' | 'differs' | 'compacted' | 'behind' | 'silent'
  }[]
  /** The first key that differs is `start`, or one between it and `end` that this node does not have. */
  readonly first: KeySpan | undefined
}

export class ContentComparison {
  readonly #members: readonly NodeId[]
  /** Of this node, in the page. */
  readonly #keys: readonly string[]
  readonly #reports = new Map<NodeId, ContentReport['state']>()
  #span: KeySpan
  #bounds: ContentBounds | undefined
  /** Of those who differ, in the span; of all, when nobody does. */
  #hashes: ReadonlyMap<NodeId, ChainValue> = new Map()

  constructor(members: readonly NodeId[], keys: readonly string[], page: KeySpan) {
    this.#members = members
    this.#keys = keys
    this.#span = page
    this.#bounds = { bounds: [page.start], end: page.end }
  }

  /** Whom to ask next: after the first round only those who could answer. */
  get asked(): readonly NodeId[] {
    return this.#reports.size === 0 ? this.#members : [...this.#hashes.keys()]
  }

  /** What to ask next; undefined when the verdict is there. */
  next(): ContentBounds | undefined {
    return this.#bounds
  }

  add(reports: ReadonlyMap<NodeId, ContentReport>): void {
    const asked = this.#bounds
    assert(asked !== undefined, 'an answer to no question')
    for (const [node, { state }] of reports) this.#reports.set(node, state)
    // A reply with other parts than were asked for says nothing.
    const hashed = [...reports].filter(([, { parts }]) => parts.length === asked.bounds.length)
    const part = asked.bounds.findIndex(
      (_, index) => new Set(hashed.map(([, { parts }]) => textOf(parts[index]))).size > 1,
    )
    this.#hashes = new Map(hashed.map(([node, { parts }]) => [node, textOf(parts[Math.max(0, part)])]))
    const start = asked.bounds[part]
    this.#bounds = undefined
    if (start === undefined) return
    this.#span = { start, end: part + 1 < asked.bounds.length ? asked.bounds[part + 1] : asked.end }
    const bounds = this.#split(this.#span)
    if (bounds.length > 1) this.#bounds = { bounds, end: this.#span.end }
  }

  verdict(): ContentVerdict {
    const hashes = [...this.#hashes.values()]
    const right = hashes.find((hash) => 2 * hashes.filter((other) => other === hash).length > this.#members.length)
    const isSame = new Set(hashes).size <= 1
    const members = this.#members.map((node) => {
      const hash = this.#hashes.get(node)
      const state = this.#reports.get(node)
      if (hash === undefined)
        return { node, state: state === undefined || state === 'hashed' ? 'silent' : state } as const
      if (isSame || hash === right) return { node, state: 'same' } as const
      return { node, state: right === undefined ? 'differs' : 'diverged' } as const
    })
    if (!isSame) return { verdict: 'diverged', members, first: this.#span }
    return { verdict: right === undefined ? 'unknown' : 'same', members, first: undefined }
  }

  /** Begins with the span's own start, whether there is a key or not. */
  #split({ start, end }: KeySpan): readonly string[] {
    const keys = this.#keys.filter((key) => key > start && (end === undefined || key < end))
    const step = Math.max(1, Math.ceil(keys.length / (contentPartsMax - 1)))
    return [start, ...keys.filter((_, index) => index % step === 0)]
  }
}

function textOf(part: ContentReport['parts'][number] | undefined): ChainValue {
  return part === undefined ? '' : `${part.keys}:${part.hash}`
}
