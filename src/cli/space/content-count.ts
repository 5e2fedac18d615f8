import { prefixOf } from '../../machine/prefix-tally.ts'
import type { SpaceKeysJson, TallyJson } from '../../wire/api-types.ts'
import { textOrBase64 } from '../output.ts'

export type CountedPage = Omit<SpaceKeysJson, 'group' | 'next'>

/** What the keys of one prefix take. */
export interface PrefixCount {
  readonly prefix?: string
  readonly prefix64?: string
  readonly items: TallyJson
  readonly history: TallyJson
}

/** More prefixes than this are not told apart: they count together, by one segment less. */
const prefixesMax = 65_536
const nothing: TallyJson = { count: 0, bytes: 0 }

/** Adds up pages of `GET /v1/space/keys`. */
export class ContentCount {
  records = 0
  revision = 0
  items = nothing
  history = nothing
  sessions = nothing
  audit = nothing
  other = nothing
  readonly #prefixLength: number
  readonly #prefixesMax: number
  #prefixes = new Map<string, { readonly items: TallyJson; readonly history: TallyJson }>()
  #depth: number

  /** Of keys that begin with the same `prefixLength` bytes. */
  constructor(prefixLength: number, depth: number, max = prefixesMax) {
    this.#prefixLength = prefixLength
    this.#depth = depth
    this.#prefixesMax = max
  }

  /** Segments by which prefixes are told apart: fewer than was asked for when there were too many. */
  get depth(): number {
    return this.#depth
  }

  add(page: CountedPage): void {
    this.records += page.records
    this.revision = page.revision
    this.items = sum(this.items, page.items)
    this.history = sum(this.history, page.history)
    this.sessions = sum(this.sessions, page.sessions)
    this.audit = sum(this.audit, page.audit)
    this.other = sum(this.other, page.other)
    for (const { prefix, prefix64, items, history } of page.prefixes) {
      const bytes = prefix === undefined ? Buffer.from(prefix64 ?? '', 'base64') : Buffer.from(prefix, 'utf8')
      this.#addPrefix(bytes.toString('latin1'), items, history)
    }
    while (this.#prefixes.size > this.#prefixesMax && this.#depth > 0) this.#fold()
  }

  /** The largest first. */
  prefixes(): readonly PrefixCount[] {
    return [...this.#prefixes]
      .sort(([a, x], [b, y]) => bytesOf(y) - bytesOf(x) || (a < b ? -1 : 1))
      .map(([name, tallies]) => ({ ...textOrBase64('prefix', Buffer.from(name, 'latin1')), ...tallies }))
  }

  #fold(): void {
    const before = this.#prefixes
    this.#prefixes = new Map()
    this.#depth--
    for (const [name, { items, history }] of before) this.#addPrefix(name, items, history)
  }

  #addPrefix(name: string, items: TallyJson, history: TallyJson): void {
    const prefix = prefixOf(name, this.#prefixLength, this.#depth)
    const known = this.#prefixes.get(prefix)
    this.#prefixes.set(prefix, {
      items: sum(items, known?.items ?? nothing),
      history: sum(history, known?.history ?? nothing),
    })
  }
}

export function bytesOf({ items, history }: { readonly items: TallyJson; readonly history: TallyJson }): number {
  return items.bytes + history.bytes
}

function sum(a: TallyJson, b: TallyJson): TallyJson {
  return { count: a.count + b.count, bytes: a.bytes + b.bytes }
}
