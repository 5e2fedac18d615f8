import { type Epoch, isMember } from '../protocol/epoch.ts'
import type { NodeId } from '../protocol/ids.ts'

/** However long nobody answers. */
const tellAgainMsMax = 5000

/**
 * Tells nodes that an epoch has begun until they are heard in it: its members, who may not have seen the stop sign, and
 * whoever still speaks in an earlier one. Any node that knows the stop sign chosen may tell (protocols 10).
 */
export class EpochGreeter {
  readonly #resendMs: number
  readonly #toldAt = new Map<NodeId, number>()
  #heard = new Set<NodeId>()
  #since: number | undefined

  constructor(resendMs: number) {
    this.#resendMs = resendMs
  }

  onBegun(): void {
    this.#since = undefined
    this.#heard.clear()
    this.#toldAt.clear()
  }

  onHeard(node: NodeId): void {
    this.#heard.add(node)
  }

  /** Members that have to be told now. A node that is no member of it hears nobody in it, and tells ever more rarely. */
  dueAmong(epoch: Epoch, self: NodeId, now: number): NodeId[] {
    this.#since ??= now
    const everyMs = isMember(epoch, self) ? this.#resendMs : Math.min((now - this.#since) / 2, tellAgainMsMax)
    const others = epoch.members.map(({ id }) => id).filter((id) => id !== self && !this.#heard.has(id))
    return others.filter((id) => this.isDue(id, now, Math.max(everyMs, this.#resendMs)))
  }

  /** Whether to tell this node now; then it counts as told. */
  isDue(node: NodeId, now: number, everyMs = this.#resendMs): boolean {
    if (now - (this.#toldAt.get(node) ?? Number.NEGATIVE_INFINITY) < everyMs) return false
    this.#toldAt.set(node, now)
    return true
  }
}
