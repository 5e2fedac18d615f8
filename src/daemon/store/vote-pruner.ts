import type { Slot } from '../../protocol/ids.ts'
import type { Tree } from './environment.ts'
import type { LogKeys } from './keys.ts'

interface Target {
  readonly upTo: Slot
  /** Everything below is deleted, or about to be. */
  from: Uint8Array
}

/** Deletes of one transaction. Deleting much at once is the pattern behind the free-list bugs reported against LMDB. */
export const deletesPerStep = 64

/**
 * Removes truncated votes in small steps. It keeps no record of its own: the truncated watermark on the disk is the truth,
 * and what a restart leaves below it is found again by loading.
 */
export class VotePruner {
  readonly #tree: Tree
  readonly #targets = new Map<LogKeys, Target>()

  constructor(tree: Tree) {
    this.#tree = tree
  }

  get idle(): boolean {
    return this.#targets.size === 0
  }

  /** Everything below `upTo` may go. The watermark, and every vote below it, must be durable: a step reads what is. */
  add(keys: LogKeys, upTo: Slot): void {
    const target = this.#targets.get(keys)
    if (target !== undefined && target.upTo >= upTo) return
    this.#targets.set(keys, { upTo, from: target?.from ?? keys.votes.start })
  }

  /** Queues the deletes of one step and says how they end; undefined when there was nothing to delete. */
  step(): Promise<unknown> | undefined {
    for (const [keys, target] of this.#targets) {
      const wanted = { start: target.from, end: keys.vote(target.upTo), limit: deletesPerStep }
      let removed: Promise<unknown> | undefined
      let count = 0
      for (const key of this.#tree.getKeys(wanted)) {
        removed = this.#tree.remove(key)
        target.from = after(key)
        count++
      }
      if (count < deletesPerStep) this.#targets.delete(keys)
      if (removed !== undefined) return removed
    }
    return undefined
  }
}

/** The least key above. */
function after(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
}
