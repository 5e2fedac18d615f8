import type { Epoch } from '../protocol/epoch.ts'
import type { NodeId } from '../protocol/ids.ts'

/**
 * Tells nodes that an epoch has begun until they are heard in it: its members, who may not have seen the stop sign, and
 * whoever still speaks in an earlier one. Any node that knows the stop sign chosen may tell (protocols 10).
 */
export class EpochGreeter {
  readonly #resendMs: number
  readonly #toldAt = new Map<NodeId, number>()
  #heard = new Set<NodeId>()

  constructor(resendMs: number) {
    this.#resendMs = resendMs
  }

  onBegun(): void {
    this.#heard.clear()
    this.#toldAt.clear()
  }

  onHeard(node: NodeId): void {
    this.#heard.add(node)
  }

  /** Members that have to be told now. */
  dueAmong(epoch: Epoch, self: NodeId, now: number): NodeId[] {
    const others = epoch.members.map(({ id }) => id).filter((id) => id !== self && !this.#heard.has(id))
    return others.filter((id) => this.isDue(id, now))
  }

  /** Whether to tell this node now; then it counts as told. */
  isDue(node: NodeId, now: number): boolean {
    if (now - (this.#toldAt.get(node) ?? Number.NEGATIVE_INFINITY) < this.#resendMs) return false
    this.#toldAt.set(node, now)
    return true
  }
}
