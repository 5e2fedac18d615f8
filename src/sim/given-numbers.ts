import type { Reply } from '../machine/request.ts'
import { firstSlot, type Slot } from '../protocol/ids.ts'
import { insist } from './invariant-error.ts'

/** Revisions and session numbers that replies gave: after a loss none of them may be given again. */
export class GivenNumbers {
  /** By slot: the highest revision in its replies. */
  readonly #revisions = new Map<Slot, number>()
  #revision = 0
  #session = 0
  #after: { readonly slot: Slot; readonly revision: number; readonly session: number } | undefined

  /** `before`: of another cluster, whose numbers this one must not give. */
  constructor(before?: GivenNumbers) {
    if (before !== undefined) this.#after = { slot: firstSlot, revision: before.#revision, session: before.#session }
  }

  onReplies(slot: Slot, replies: readonly Reply[]): void {
    for (const reply of replies) {
      // A repeated request gets the reply that it got.
      if (reply.slot !== slot) continue
      const [revision, session] = [revisionOf(reply), reply.kind === 'session' ? reply.id : 0]
      const after = this.#after
      if (after !== undefined && slot >= after.slot) {
        const isNew = (revision === 0 || revision > after.revision) && (session === 0 || session > after.session)
        insist(isNew, 'numbers are given once', () => `slot ${slot} gives a number that was given before the loss`)
      }
      this.#revision = Math.max(this.#revision, revision)
      this.#session = Math.max(this.#session, session)
      this.#revisions.set(slot, Math.max(revision, this.#revisions.get(slot) ?? 0))
    }
  }

  /** What was chosen from `lost` on is gone; from `startSlot` on the recovered cluster goes on. */
  onLoss(lost: Slot, startSlot: Slot): void {
    this.#after = { slot: startSlot, revision: this.#revision, session: this.#session }
    for (const slot of [...this.#revisions.keys()]) if (slot >= lost) this.#revisions.delete(slot)
  }

  revisionBelow(end: Slot): number {
    return Math.max(0, ...[...this.#revisions].filter(([slot]) => slot < end).map(([, revision]) => revision))
  }
}

function revisionOf(reply: Reply): number {
  return 'revision' in reply ? reply.revision : 0
}
