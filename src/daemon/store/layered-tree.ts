import { toBinary } from '../../base/bytes.ts'
import type { KeyBounds } from './keys.ts'
import type { RecordTree, TreeWrite } from './record-tree.ts'
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

  get(key: Uint8Array): Uint8Array | undefined {
    const name = toBinary(key)
    for (const { writes } of this.#layers()) {
      const write = writes.get(name)
      if (write !== undefined) return write.value
    }
    return this.#base.get(key)
  }

  getRange(bounds: KeyBounds): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    const changes = this.#changes(bounds)
    return changes.length === 0 ? this.#base.getRange(bounds) : merge(this.#base.getRange(bounds), changes)
  }

  *getKeys(bounds: KeyBounds): Iterable<Uint8Array> {
    for (const { key } of this.getRange(bounds)) yield key
  }

  /** By rising keys. */
  #changes({ start, end }: KeyBounds): readonly TreeWrite[] {
    const [from, below] = [toBinary(start), toBinary(end)]
    const found = new Map<string, TreeWrite>()
    for (const { writes } of this.#layers()) {
      for (const [name, write] of writes) {
        if (from <= name && name < below && !found.has(name)) found.set(name, write)
      }
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, write]) => write)
  }
}

function* merge(
  base: Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>,
  changes: readonly TreeWrite[],
): Generator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
  let at = 0
  for (const record of base) {
    let order = 1
    for (let change = changes[at]; change !== undefined; change = changes[at]) {
      order = Buffer.compare(change.key, record.key)
      if (order > 0) break
      at++
      if (change.value !== undefined) yield { key: change.key, value: change.value }
      if (order === 0) break
    }
    if (order !== 0) yield record
  }
  for (const { key, value } of changes.slice(at)) if (value !== undefined) yield { key, value }
}
