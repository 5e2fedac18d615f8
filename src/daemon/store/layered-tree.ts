import { toBinary } from '../../base/bytes.ts'
import type { KeyBounds } from './keys.ts'
import type { RecordTree, TreeRecord, TreeWrite } from './record-tree.ts'
import type { TreeLayer } from './tree-layer.ts'

/** A tree as it will be when the layers above it are in it. */
export class LayeredTree implements RecordTree {
  readonly #base: RecordTree
  readonly #layers: () => readonly TreeLayer[]

  /** `layers`: the newest first. */
  constructor(base: RecordTree, layers: () => readonly TreeLayer[]) {
    this.#base = base
    this.#layers = layers
  }

  /** The newest first. */
  get layers(): readonly TreeLayer[] {
    return this.#layers()
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const name = toBinary(key)
    for (const { writes } of this.layers) {
      const write = writes.get(name)
      if (write !== undefined) return write.value
    }
    return this.#base.get(key)
  }

  getRange(bounds: KeyBounds): Iterable<TreeRecord> {
    return merge(this.#base.getRange({ ...bounds }), this.#changes(bounds), asRecords)
  }

  /** Without reading the values: they may be the whole log. */
  getKeys(bounds: KeyBounds): Iterable<Uint8Array> {
    return merge(this.#base.getKeys({ ...bounds }), this.#changes(bounds), asKeys)
  }

  /** By rising keys. */
  #changes({ start, end }: KeyBounds): readonly TreeWrite[] {
    const [from, below] = [toBinary(start), toBinary(end)]
    const found = new Map<string, TreeWrite>()
    for (const { writes } of this.layers) {
      for (const [name, write] of writes) {
        if (from <= name && name < below && !found.has(name)) found.set(name, write)
      }
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, write]) => write)
  }
}

interface Shape<T> {
  keyOf(item: T): Uint8Array
  itemOf(key: Uint8Array, value: Uint8Array): T
}

const asRecords: Shape<TreeRecord> = { keyOf: ({ key }) => key, itemOf: (key, value) => ({ key, value }) }
const asKeys: Shape<Uint8Array> = { keyOf: (key) => key, itemOf: (key) => key }

function* merge<T>(
  base: Iterable<T>,
  changes: readonly TreeWrite[],
  { keyOf, itemOf }: Shape<T>,
): Generator<T, undefined> {
  let at = 0
  for (const item of base) {
    let order = 1
    for (let change = changes[at]; change !== undefined; change = changes[at]) {
      order = Buffer.compare(change.key, keyOf(item))
      if (order > 0) break
      at++
      if (change.value !== undefined) yield itemOf(change.key, change.value)
      if (order === 0) break
    }
    if (order !== 0) yield item
  }
  for (const { key, value } of changes.slice(at)) if (value !== undefined) yield itemOf(key, value)
}
