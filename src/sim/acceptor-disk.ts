import { assert } from '../base/assert.ts'
import { PaxosError } from '../base/error.ts'
import type { Ballot } from '../protocol/ballot.ts'
import type { Write } from '../protocol/effect.ts'
import type { Epoch } from '../protocol/epoch.ts'
import { type EpochNumber, firstGroup, firstSlot, type GroupId, type Slot } from '../protocol/ids.ts'
import type { Vote } from '../protocol/multipaxos/message.ts'
import type { AcceptorStore, Done, GroupWrite, LoadedGroup } from '../runtime/ports.ts'

/** What a disk does with one commit: how long it takes, and whether it fails. */
export interface CommitFate {
  readonly delayMs: number
  readonly failure: string | undefined
}

export interface DiskHost {
  after(delayMs: number, task: () => void): void
  fate(): CommitFate
  /** A commit begins and ends; either may be where the node crashes. */
  onCommit(writes: readonly GroupWrite[]): void
  onDurable(writes: readonly GroupWrite[]): void
  /** The writes are on the disk from now on, whether or not anybody is ever told. */
  onStored(writes: readonly GroupWrite[]): void
}

interface InFlight {
  readonly writes: readonly GroupWrite[]
}

/** Content of one acceptor's disk, for one group and epoch. Only durable things are in it. */
export class AcceptorImage {
  promised: Ballot | undefined
  chosenUpTo: Slot = firstSlot
  truncatedUpTo: Slot = firstSlot
  readonly votes = new Map<Slot, Vote>()
  readonly corrupt = new Set<Slot>()
  /** The promise or the truncated watermark cannot be read: such a node must not vote. */
  isRefused = false

  write(write: Write): void {
    switch (write.kind) {
      case 'promise':
        this.promised = write.ballot
        return
      case 'vote': {
        const { slot, ballot, entry, chosen } = write
        this.votes.set(slot, { slot, ballot, entry, chosen })
        this.corrupt.delete(slot)
        return
      }
      case 'chosen':
        this.chosenUpTo = write.upTo
        return
      case 'truncate':
        this.truncatedUpTo = write.upTo
        for (const slot of this.votes.keys()) if (slot < write.upTo) this.votes.delete(slot)
        for (const slot of this.corrupt) if (slot < write.upTo) this.corrupt.delete(slot)
    }
  }

  load(): LoadedGroup {
    if (this.isRefused) throw new PaxosError('DATA_DIR_REFUSED', 'A record that binds this node is damaged')
    const { promised, truncatedUpTo } = this
    const chosenUpTo = Math.max(this.chosenUpTo, truncatedUpTo) as Slot
    const votes = [...this.votes.values()].filter((vote) => !this.corrupt.has(vote.slot))
    votes.sort((a, b) => a.slot - b.slot)
    const unknown = [...this.corrupt].sort((a, b) => a - b)
    return { promised, chosenUpTo, truncatedUpTo, votes, unknown }
  }
}

/** A node's acceptor disk. Outlives the node: `crash` decides what of the unfinished commits had reached it. */
export class AcceptorDisk implements AcceptorStore {
  readonly #images = new Map<string, AcceptorImage>()
  #epochs: readonly Epoch[] = []
  readonly #host: DiskHost
  #inFlight: InFlight[] = []
  #life = 0
  #isDead = false

  constructor(host: DiskHost) {
    this.#host = host
  }

  /** Of the group that is simulated: those known to have begun, rising. */
  get epochs(): readonly Epoch[] {
    return this.#epochs
  }

  get images(): readonly AcceptorImage[] {
    return [...this.#images.values()]
  }

  image(epoch: EpochNumber, group: GroupId = firstGroup): AcceptorImage {
    const place = `${group}/${epoch}`
    const image = this.#images.get(place) ?? new AcceptorImage()
    this.#images.set(place, image)
    return image
  }

  /** Before the node starts for the first time. */
  begin(epoch: Epoch): void {
    assert(this.#epochs.length === 0, 'a node is told for the second time how it begins')
    this.#epochs = [epoch]
  }

  /** What a recovery writes while the node is stopped, in one transaction. */
  recover(writes: readonly GroupWrite[]): void {
    this.#write(writes)
  }

  loadEpochs(_group: GroupId): readonly Epoch[] {
    return this.#epochs
  }

  load(group: GroupId, epoch: EpochNumber): LoadedGroup {
    return this.image(epoch, group).load()
  }

  commit(writes: readonly GroupWrite[], done: Done): void {
    const life = this.#life
    this.#host.onCommit(writes)
    // The node may have crashed in that very moment.
    if (life !== this.#life) return
    if (this.#isDead) {
      this.#host.after(0, () => done(new PaxosError('STORE_FAILED', 'The simulated disk failed before')))
      return
    }
    const commit = { writes }
    this.#inFlight.push(commit)
    const { delayMs, failure } = this.#host.fate()
    this.#host.after(delayMs, () => {
      if (life !== this.#life) return
      if (failure !== undefined || this.#isDead) {
        this.#isDead = true
        done(new PaxosError('STORE_FAILED', failure ?? 'The simulated disk failed before'))
        return
      }
      // Commits take effect in order: an earlier one that takes longer finishes with this one at the latest.
      while (this.#inFlight.length > 0) {
        const first = this.#inFlight.shift()
        assert(first !== undefined, 'a commit vanished')
        this.#apply(first)
        if (first === commit) break
      }
      this.#host.onDurable(writes)
      if (life === this.#life) done()
    })
  }

  /** The disk dies: nothing is done any more, not even what is in flight. Until the node restarts. */
  fail(): void {
    this.#isDead = true
  }

  /** The first `kept` unfinished commits had reached the disk, though nobody was told; the others are gone. */
  crash(kept: number): void {
    for (const commit of this.#inFlight.slice(0, kept)) this.#apply(commit)
    this.#inFlight = []
    this.#life++
    this.#isDead = false
  }

  get unfinished(): number {
    return this.#inFlight.length
  }

  #apply({ writes }: InFlight): void {
    this.#write(writes)
    this.#host.onStored(writes)
  }

  #write(writes: readonly GroupWrite[]): void {
    for (const { group, epoch, write } of writes) {
      if (write.kind === 'epoch') this.#save(write.epoch)
      else this.image(epoch, group).write(write)
    }
  }

  #save(epoch: Epoch): void {
    const others = this.#epochs.filter(({ number }) => number !== epoch.number)
    this.#epochs = [...others, epoch].sort((a, b) => a.number - b.number)
  }
}
