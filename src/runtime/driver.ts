import type { EpochNumber, GroupId, NodeId } from '../protocol/ids.ts'
import { Committer, type Release } from './committer.ts'
import type { Observer } from './observer.ts'
import type { Envelope, PeerMessage } from './peer-message.ts'
import type { AcceptorStore, Clock, Links } from './ports.ts'
import type { Replica } from './replica.ts'
import type { ReplicaHost } from './replica-setup.ts'

export interface DriverSetup {
  readonly self: NodeId
  readonly store: AcceptorStore
  readonly links: Links
  readonly clock: Clock
  readonly observer: Observer
  /** The node must stop: its disk failed, or our reasoning did. Called once; the driver is dead from then on. */
  readonly onFatal: (error: Error) => void
}

/**
 * Drives all groups of one node. A turn takes everything that has arrived, steps the engines, and makes one durable
 * commit of what they persist; what arrives while that commit is in flight goes into the next.
 */
export class Driver {
  readonly #self: NodeId
  readonly #links: Links
  readonly #clock: Clock
  readonly #onFatal: (error: Error) => void
  readonly #committer: Committer
  readonly #replicas = new Map<GroupId, Replica>()
  #isScheduled = false
  #isDead = false

  constructor({ self, store, links, clock, observer, onFatal }: DriverSetup) {
    this.#self = self
    this.#links = links
    this.#clock = clock
    this.#onFatal = onFatal
    this.#committer = new Committer(
      store,
      clock,
      observer,
      (releases) => this.#release(releases),
      (error) => this.#die(error),
    )
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** What a replica may ask of its driver. */
  host(group: GroupId): ReplicaHost {
    return {
      schedule: () => this.#schedule(),
      fail: (error) => this.#die(error),
      lastCommitMs: () => this.#committer.lastMs,
      isConnected: (to) => this.#links.isConnected(to),
      send: (epoch, to, message) => this.#send(group, epoch, to, message),
      persist: (epoch, writes, release) => {
        this.#committer.add(
          writes.map((write) => ({ group, epoch, write })),
          release.map((send) => ({ kind: 'send', group, epoch, send })),
        )
      },
      saveEpoch: (epoch, task) => {
        this.#committer.add([{ group, epoch: epoch.number, write: { kind: 'epoch', epoch } }], [{ kind: 'run', task }])
        this.#schedule()
      },
      setMembers: (members, featureLevel) => this.#links.setMembers(group, members, featureLevel),
    }
  }

  add(replica: Replica): void {
    this.#replicas.set(replica.group, replica)
    this.#schedule()
  }

  onMessage({ group, epoch, from, message }: Envelope): void {
    const replica = this.#replicas.get(group as GroupId)
    if (this.#isDead || replica === undefined) return
    replica.onMessage(from, epoch as EpochNumber, message)
    this.#schedule()
  }

  /** Call every few tens of milliseconds. */
  tick(): void {
    if (this.#isDead) return
    for (const replica of this.#replicas.values()) replica.onTick()
    this.#schedule()
  }

  /** Gives up leadership. `done` when nothing waits for the disk and the machine's data is durable. */
  retire(done: () => void): void {
    let left = this.#replicas.size
    if (left === 0 || this.#isDead) {
      done()
      return
    }
    for (const replica of this.#replicas.values()) {
      replica.retire(() => {
        left--
        if (left === 0) done()
      })
    }
    this.#schedule()
  }

  /** Stops at once, as a crash would: what is not durable is lost, and nothing is sent any more. */
  kill(): void {
    this.#isDead = true
    this.#committer.kill()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isDead) return
    this.#isScheduled = true
    this.#clock.defer(() => this.#turn())
  }

  #turn(): void {
    this.#isScheduled = false
    if (this.#isDead) return
    try {
      for (const replica of this.#replicas.values()) replica.runTurn()
      this.#committer.flush()
    } catch (error) {
      this.#die(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #release(releases: readonly Release[]): void {
    try {
      for (const release of releases) {
        if (release.kind === 'run') release.task()
        else this.#send(release.group, release.epoch, release.send.to, release.send.message)
      }
    } catch (error) {
      this.#die(error instanceof Error ? error : new Error(String(error)))
    }
    // A turn takes what has arrived by now into the same commit. With nothing to commit it would be for nothing.
    if (!this.#committer.isIdle) this.#schedule()
  }

  /** A message to this node itself comes back as an event of the next turn. */
  #send(group: GroupId, epoch: EpochNumber, to: readonly NodeId[], message: PeerMessage): void {
    if (this.#isDead) return
    if (!to.includes(this.#self)) {
      this.#links.send(group, epoch, to, message)
      return
    }
    const others = to.filter((node) => node !== this.#self)
    if (others.length > 0) this.#links.send(group, epoch, others, message)
    this.onMessage({ group, epoch, from: this.#self, message })
  }

  #die(error: Error): void {
    if (this.#isDead) return
    this.kill()
    this.#onFatal(error)
  }
}
