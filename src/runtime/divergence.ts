import type { NodeId, Slot } from '../protocol/ids.ts'
import type { ChainVerdict, Difference } from './chain-comparison.ts'

/** A member whose machine is not as that of others. */
export interface Diverged {
  readonly node: NodeId
  readonly first: Difference
  /** A majority of the members agrees against it. Otherwise it is not known who is right. */
  readonly isMinority: boolean
}

/**
 * What the comparisons so far have shown. Whom a majority was against is wrong until it agrees with one: comparisons in
 * which too few answer say nothing new of it.
 */
export class DivergenceRecord {
  readonly #diverged = new Map<NodeId, Diverged>()
  #checkedUpTo: Slot | undefined

  /** A majority had the same chain here. */
  get checkedUpTo(): Slot | undefined {
    return this.#checkedUpTo
  }

  get diverged(): readonly Diverged[] {
    return [...this.#diverged.values()]
  }

  of(node: NodeId): Diverged | undefined {
    return this.#diverged.get(node)
  }

  /** What is news: who was not known to differ, and who does no longer: its data or itself were replaced. */
  note({ checkedUpTo, members }: ChainVerdict): {
    readonly found: readonly Diverged[]
    readonly cleared: readonly Diverged[]
  } {
    const found: Diverged[] = []
    const cleared: Diverged[] = []
    if (checkedUpTo !== undefined && checkedUpTo > (this.#checkedUpTo ?? -1)) this.#checkedUpTo = checkedUpTo
    // Who differs from one that is known to be wrong may be right.
    const isExplained = members.some(({ node, state }) => state === 'differs' && this.of(node)?.isMinority === true)
    for (const { node, state, agreedUpTo, first } of members) {
      const known = this.#diverged.get(node)
      if (state === 'differs' && isExplained) continue
      if (first !== undefined) {
        const diverged = { node, first, isMinority: state === 'diverged' }
        this.#diverged.set(node, diverged)
        if (known === undefined || known.isMinority !== diverged.isMinority) found.push(diverged)
      } else if (known !== undefined && state === 'same' && (agreedUpTo ?? 0) >= known.first.to) {
        this.#diverged.delete(node)
        cleared.push(known)
      }
    }
    for (const [node, known] of this.#diverged) {
      if (members.some((member) => member.node === node)) continue
      this.#diverged.delete(node)
      cleared.push(known)
    }
    return { found, cleared }
  }
}
