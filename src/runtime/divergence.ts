import type { NodeId, Slot } from '../protocol/ids.ts'
import type { ChainVerdict, Difference } from './chain-comparison.ts'

/** A member whose machine is not as that of others. */
export interface Diverged {
  readonly node: NodeId
  readonly first: Difference
  /** A majority of the members agrees against it. Otherwise it is not known who is right. */
  readonly isMinority: boolean
}

/** What the comparisons so far have shown. A member that does not answer stays as it was known. */
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
    for (const { node, state, slot, first } of members) {
      const known = this.#diverged.get(node)
      if (first !== undefined) {
        const diverged = { node, first, isMinority: state === 'diverged' }
        this.#diverged.set(node, diverged)
        if (known === undefined || known.isMinority !== diverged.isMinority) found.push(diverged)
      } else if (known !== undefined && state === 'same' && (slot ?? 0) >= known.first.to) {
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
