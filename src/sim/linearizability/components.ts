import { compareStrings, lowerBound } from '../../base/order.ts'
import { type Item, itemsOf, keysOf, rangesOf } from './history.ts'
import type { Pending } from './pending.ts'

/** Keys that operations tie together, and those operations. No other operation can tell what happens to them. */
export interface Component {
  /** Rising. */
  readonly keys: readonly string[]
  readonly operations: readonly Pending[]
  readonly startItems: readonly Item[]
}

/** Splits by key: a history is linearizable exactly when each part is (Herlihy and Wing 1990, theorem 1). */
export function toComponents(pending: readonly Pending[], startItems: readonly Item[]): readonly Component[] {
  const keys = namedKeys(pending, startItems)
  const sets = new DisjointSets(keys.length)
  const place = new Map(keys.map((key, i) => [key, i]))
  const touched = pending.map((operation) => touchedKeys(operation, keys, place))
  for (const [first, ...others] of touched) {
    for (const other of others) if (first !== undefined) sets.join(first, other)
  }
  const parts = new Map<number, { keys: string[]; operations: Pending[]; startItems: Item[] }>()
  const partOf = (key: number | undefined) => {
    const root = key === undefined ? -1 : sets.find(key)
    const part = parts.get(root) ?? { keys: [], operations: [], startItems: [] }
    parts.set(root, part)
    return part
  }
  keys.forEach((key, i) => {
    partOf(i).keys.push(key)
  })
  pending.forEach((operation, i) => {
    partOf(touched[i]?.[0]).operations.push(operation)
  })
  for (const item of startItems) partOf(place.get(item.key)).startItems.push(item)
  return [...parts.values()].filter((part) => part.operations.length > 0)
}

/** Everything in one part, for a model whose revisions tie all keys together. */
export function toWhole(pending: readonly Pending[], startItems: readonly Item[]): Component {
  return { keys: namedKeys(pending, startItems), operations: pending, startItems }
}

function namedKeys(pending: readonly Pending[], startItems: readonly Item[]): readonly string[] {
  const keys = new Set(startItems.map((item) => item.key))
  for (const { input, output } of pending) {
    for (const key of keysOf(input)) keys.add(key)
    // An answer may show a key that nobody wrote. It must count, or the lie would go unseen.
    if (output !== undefined) for (const item of itemsOf(output)) keys.add(item.key)
  }
  return [...keys].sort(compareStrings)
}

function touchedKeys(
  { input, output }: Pending,
  keys: readonly string[],
  place: ReadonlyMap<string, number>,
): readonly number[] {
  const found = new Set<number>()
  const add = (key: string): void => {
    const at = place.get(key)
    if (at !== undefined) found.add(at)
  }
  for (const key of keysOf(input)) add(key)
  if (output !== undefined) for (const item of itemsOf(output)) add(item.key)
  for (const { start, end } of rangesOf(input)) {
    for (let i = lowerBound(keys, start, compareStrings); i < keys.length; i++) {
      const key = keys[i]
      if (key === undefined || (end !== undefined && key >= end)) break
      found.add(i)
    }
  }
  return [...found]
}

class DisjointSets {
  readonly #parents: number[]

  constructor(size: number) {
    this.#parents = Array.from({ length: size }, (_, i) => i)
  }

  find(of: number): number {
    let root = of
    for (let parent = this.#parents[root]; parent !== undefined && parent !== root; parent = this.#parents[root]) {
      this.#parents[root] = this.#parents[parent] ?? parent
      root = parent
    }
    return root
  }

  join(a: number, b: number): void {
    this.#parents[this.find(a)] = this.find(b)
  }
}
