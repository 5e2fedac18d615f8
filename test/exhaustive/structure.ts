import { toBinary } from '../../src/base/bytes.ts'

/** Copies whatever can change: objects of any class, lists, maps and sets, keeping who shares what. */
export class Copier {
  readonly #shared: ReadonlySet<object>

  /** `shared`: what never changes, and stays the same object in every copy. */
  constructor(shared: Iterable<object>) {
    this.#shared = new Set(shared)
  }

  copy<T>(value: T): T {
    return this.#copy(value, new Map()) as T
  }

  #copy(value: unknown, done: Map<object, object>): unknown {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array || this.#shared.has(value))
      return value
    const known = done.get(value)
    if (known !== undefined) return known
    if (Array.isArray(value)) {
      const copy: unknown[] = []
      done.set(value, copy)
      for (const item of value) copy.push(this.#copy(item, done))
      return copy
    }
    if (value instanceof Map) {
      const copy = new Map<unknown, unknown>()
      done.set(value, copy)
      for (const [key, item] of value) copy.set(this.#copy(key, done), this.#copy(item, done))
      return copy
    }
    if (value instanceof Set) {
      const copy = new Set<unknown>()
      done.set(value, copy)
      for (const item of value) copy.add(this.#copy(item, done))
      return copy
    }
    const copy: Record<string, unknown> = Object.create(Object.getPrototypeOf(value))
    done.set(value, copy)
    for (const key of Object.keys(value)) copy[key] = this.#copy(Reflect.get(value, key), done)
    return copy
  }
}

/** Renames nodes in a text. Ids of nodes are numbers that nothing else reaches. */
export type Renaming = (id: number) => number

/** One text for all values of the same content. Sets and maps are written in the order of their texts. */
export function textOf(value: unknown, rename: Renaming): string {
  if (typeof value === 'number') return String(rename(value))
  if (typeof value === 'string') return `'${value}'`
  if (typeof value !== 'object' || value === null) return String(value)
  if (value instanceof Uint8Array) return `"${toBinary(value)}"`
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item, rename)).join()}]`
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => `${textOf(key, rename)}:${textOf(item, rename)}`)
    return `<${entries.sort().join()}>`
  }
  if (value instanceof Set)
    return `(${[...value]
      .map((item) => textOf(item, rename))
      .sort()
      .join()})`
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${key}:${textOf(Reflect.get(value, key), rename)}`).join()}}`
}
