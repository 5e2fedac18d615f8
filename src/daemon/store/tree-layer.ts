import { toBinary } from '../../base/bytes.ts'
import type { TreeWrite } from './record-tree.ts'

/** Changes above a tree, the last one of each key. */
export class TreeLayer {
  readonly #writes = new Map<string, TreeWrite>()
  readonly #tasks: (() => void)[] = []
  #bytes = 0

  get isEmpty(): boolean {
    return this.#writes.size === 0 && this.#tasks.length === 0
  }

  /** Of keys and values, as often as they were written. */
  get bytes(): number {
    return this.#bytes
  }

  /** By binary key. */
  get writes(): ReadonlyMap<string, TreeWrite> {
    return this.#writes
  }

  /** What is to be done once the changes are in the tree. */
  get tasks(): readonly (() => void)[] {
    return this.#tasks
  }

  add(writes: readonly TreeWrite[]): void {
    for (const write of writes) {
      this.#writes.set(toBinary(write.key), write)
      this.#bytes += write.key.length + (write.value?.length ?? 0)
    }
  }

  whenInTree(task: () => void): void {
    this.#tasks.push(task)
  }
}
