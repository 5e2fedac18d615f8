/** The machine's data on its way between members: what this node gives, what it fetches, and from whom. */
import type { EngineStatus } from '../protocol/engine.ts'
import type { NodeId, Slot } from '../protocol/ids.ts'
import { DonorChoice } from './donor-choice.ts'
import type { RuntimeMessage } from './peer-message.ts'
import type { ReplicaSetup } from './replica-setup.ts'
import { SnapshotDonor } from './snapshot-donor.ts'
import { SnapshotReceiver } from './snapshot-receiver.ts'
import type { ReplicaState } from './state.ts'

export interface SnapshotsHost {
  send(to: NodeId, message: RuntimeMessage): void
  onInstalled(upTo: Slot): void
}

type Request = Extract<RuntimeMessage, { kind: 'snapshotRequest' }>
type Chunk = Extract<RuntimeMessage, { kind: 'snapshotChunk' }>

export class Snapshots {
  readonly #state: ReplicaState
  readonly #host: SnapshotsHost
  readonly #donor: SnapshotDonor
  readonly #receiver: SnapshotReceiver
  readonly #donorChoice = new DonorChoice()

  constructor(
    { host: node, observer, options }: Pick<ReplicaSetup, 'host' | 'observer' | 'options'>,
    state: ReplicaState,
    host: SnapshotsHost,
  ) {
    this.#state = state
    this.#host = host
    this.#donor = new SnapshotDonor(
      (task) => state.snapshot(task),
      options.snapshotChunkBytes,
      (bytes) => observer.snapshotSent(bytes),
    )
    this.#receiver = new SnapshotReceiver(
      {
        appliedUpTo: () => state.appliedUpTo,
        begin: () => state.beginInstall(),
        send: (to, request) => host.send(to, request),
        finish: (install, upTo, done) =>
          state.finishInstall(install, upTo, (isInstalled) => {
            done()
            if (isInstalled) host.onInstalled(upTo)
          }),
        fail: (error) => node.fail(error),
        note: (message, fields) => observer.note('info', message, fields),
      },
      options.resendMs,
    )
  }

  /** One is being fetched or put in place. */
  get isFetching(): boolean {
    return this.#receiver.isActive || this.#state.isInstalling
  }

  onRequest(now: number, from: NodeId, request: Request): void {
    this.#donor.onRequest(now, from, request, (chunk) => this.#host.send(from, chunk))
  }

  onChunk(now: number, from: NodeId, chunk: Chunk): void {
    this.#receiver.onChunk(now, from, chunk)
  }

  onTick(now: number): void {
    this.#receiver.onTick(now)
    this.#donor.onTick(now)
  }

  /** `from` has truncated what is missing here. */
  fetch(now: number, from: NodeId): void {
    if (!this.#state.isInstalling) this.#receiver.start(now, from)
  }

  /** Fetches from whoever has applied what the log is truncated up to, or may have; see DonorChoice. */
  fetchFromAny(now: number, { peers, truncatedUpTo }: EngineStatus, strangers: readonly NodeId[]): void {
    if (this.isFetching) return
    const donor = this.#donorChoice.next(peers, truncatedUpTo, strangers)
    if (donor !== undefined) this.#receiver.start(now, donor)
  }

  close(): void {
    this.#receiver.abort()
    this.#donor.close()
  }
}
