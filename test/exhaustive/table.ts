import assert from 'node:assert/strict'
import type { Renaming } from './structure.ts'

/** Numbers for values, by their texts. Beside its number a value has a name under each renaming of the nodes. */
export class Table<T> {
  readonly #title: string
  readonly #renamings: readonly Renaming[]
  readonly #values: T[] = []
  readonly #ids = new Map<string, number>()
  readonly #namesOfTexts = new Map<string, number>()
  /** For each renaming, by number. */
  readonly #names: readonly number[][]

  /** The first renaming changes nothing. */
  constructor(title: string, renamings: readonly Renaming[]) {
    this.#title = title
    this.#renamings = renamings
    this.#names = renamings.map(() => [])
  }

  get size(): number {
    return this.#values.length
  }

  /** What tells the values apart. */
  keys(): Iterable<string> {
    return this.#ids.keys()
  }

  get(id: number): T {
    const value = this.#values[id]
    if (value === undefined) throw new RangeError(`no ${this.#title} ${id}`)
    return value
  }

  /** `owner`: values of different owners are not the same, even if a renaming makes them so. */
  toId(value: T, textUnder: (rename: Renaming) => string, owner = ''): number {
    const text = textUnder((id) => id)
    const key = `${owner} ${text}`
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const id = this.#values.length
    this.#ids.set(key, id)
    this.#values.push(value)
    for (const [at, rename] of this.#renamings.entries()) {
      const renamed = at === 0 ? text : textUnder(rename)
      const name = this.#namesOfTexts.get(renamed) ?? this.#namesOfTexts.size
      // A name is one character of a key.
      assert.ok(name < 2 ** 16, `too many values of ${this.#title} for this search`)
      this.#namesOfTexts.set(renamed, name)
      this.#names[at]?.push(name)
    }
    return id
  }

  names(renaming: number): readonly number[] {
    const names = this.#names[renaming]
    if (names === undefined) throw new RangeError(`no renaming ${renaming}`)
    return names
  }
}
