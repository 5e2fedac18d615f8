import type { Ballot } from '../../src/protocol/ballot.ts'
import type { Write } from '../../src/protocol/effect.ts'
import { firstSlot, type Slot } from '../../src/protocol/ids.ts'
import type { AcceptorState } from '../../src/protocol/multipaxos/acceptor-state.ts'
import type { Vote } from '../../src/protocol/multipaxos/message.ts'

/** What survives a crash of one node: exactly the writes whose commit finished. */
export class Disk {
  promised: Ballot | undefined
  chosenUpTo = firstSlot
  truncatedUpTo = firstSlot
  readonly votes = new Map<Slot, Vote>()
  readonly unknown = new Set<Slot>()

  apply(writes: readonly Write[]): void {
    for (const write of writes) {
      if (write.kind === 'promise') this.promised = write.ballot
      else if (write.kind === 'chosen') this.chosenUpTo = write.upTo
      else if (write.kind === 'truncate') this.#truncate(write.upTo)
      else {
        const { slot, ballot, entry, chosen } = write
        this.votes.set(slot, { slot, ballot, entry, chosen })
        this.unknown.delete(slot)
      }
    }
  }

  /** The record of this slot fails its checksum from now on. */
  corrupt(slot: Slot): void {
    if (this.votes.delete(slot)) this.unknown.add(slot)
  }

  state(): AcceptorState {
    const votes = [...this.votes.values()].sort((a, b) => a.slot - b.slot)
    const { promised, chosenUpTo, truncatedUpTo } = this
    return { promised, chosenUpTo, truncatedUpTo, votes, unknown: [...this.unknown] }
  }

  #truncate(upTo: Slot): void {
    this.truncatedUpTo = upTo
    for (const slot of this.votes.keys()) if (slot < upTo) this.votes.delete(slot)
    for (const slot of this.unknown) if (slot < upTo) this.unknown.delete(slot)
  }
}
