import type { NodeId, Slot } from '../protocol/ids.ts'
import type { RuntimeMessage } from './peer-message.ts'
import type { StateInstall } from './ports.ts'
import { chunkChecksum } from './snapshot-chunk.ts'

type SnapshotRequest = Extract<RuntimeMessage, { kind: 'snapshotRequest' }>
type SnapshotChunk = Extract<RuntimeMessage, { kind: 'snapshotChunk' }>

export interface ReceiverHost {
  /** What is here already. */
  appliedUpTo(): Slot
  begin(): StateInstall
  send(to: NodeId, request: SnapshotRequest): void
  /** All chunks are stored: put them in place, then call `done`. */
  finish(install: StateInstall, upTo: Slot, done: () => void): void
  fail(error: Error): void
  note(message: string, fields: Readonly<Record<string, string | number | boolean>>): void
}

interface Transfer {
  readonly from: NodeId
  install: StateInstall | undefined
  snapshot: number | undefined
  appliedUpTo: Slot
  after: string | undefined
  isStoring: boolean
  /** All of it is stored, and it is being put in place, or will be when a commit is over. */
  isFinishing: boolean
  askedAt: number
  /** When the donor last sent something of use. */
  heardAt: number
  chunks: number
}

/** A donor that is silent for this long is given up; whoever is next found to be ahead is asked from the start. */
const giveUpMs = 10_000

/**
 * Fetches another member's machine data chunk by chunk, beside the live data. A lost chunk is asked again from the last
 * key that was stored; a damaged one is dropped and asked again.
 */
export class SnapshotReceiver {
  readonly #host: ReceiverHost
  readonly #resendMs: number
  #transfer: Transfer | undefined
  #idleUntil = 0

  constructor(host: ReceiverHost, resendMs: number) {
    this.#host = host
    this.#resendMs = resendMs
  }

  get isActive(): boolean {
    return this.#transfer !== undefined
  }

  /** `from` has truncated what is missing here. */
  start(now: number, from: NodeId): void {
    if (this.#transfer !== undefined || now < this.#idleUntil) return
    this.#transfer = {
      from,
      install: undefined,
      snapshot: undefined,
      appliedUpTo: 0 as Slot,
      after: undefined,
      isStoring: false,
      isFinishing: false,
      askedAt: now,
      heardAt: now,
      chunks: 0,
    }
    this.#host.note('fetching a snapshot', { from })
    this.#ask(now, this.#transfer)
  }

  onChunk(now: number, from: NodeId, chunk: SnapshotChunk): void {
    const transfer = this.#transfer
    if (transfer === undefined || transfer.from !== from || transfer.isStoring) return
    if (transfer.snapshot !== undefined && !isSameSnapshot(transfer, chunk)) return
    if (chunk.after !== transfer.after) return
    if (chunkChecksum(chunk) !== chunk.checksum) {
      this.#host.note('a snapshot chunk was damaged; asking again', { from, chunk: transfer.chunks })
      return
    }
    if (chunk.appliedUpTo <= this.#host.appliedUpTo()) {
      // It has no more than this node. Somebody else may, or it will have more later.
      this.abort()
      this.#idleUntil = now + this.#resendMs
      return
    }
    transfer.install ??= this.#host.begin()
    transfer.snapshot = chunk.snapshot
    transfer.appliedUpTo = chunk.appliedUpTo
    transfer.heardAt = now
    transfer.isStoring = true
    transfer.install.put(chunk.entries, (error) => {
      if (this.#transfer !== transfer) return
      if (error !== undefined) {
        this.#host.fail(error)
        return
      }
      transfer.isStoring = false
      transfer.chunks++
      transfer.after = chunk.entries.at(-1)?.[0] ?? transfer.after
      if (chunk.done) this.#finish(transfer)
      else this.#ask(now, transfer)
    })
  }

  onTick(now: number): void {
    const transfer = this.#transfer
    if (transfer === undefined || transfer.isStoring) return
    if (now - transfer.heardAt > giveUpMs) {
      this.#host.note('the snapshot stopped coming; giving it up', { from: transfer.from, chunks: transfer.chunks })
      this.abort()
    } else if (now - transfer.askedAt >= this.#resendMs) {
      this.#ask(now, transfer)
    }
  }

  /** What is being put in place can not be taken back any more. */
  abort(): void {
    if (this.#transfer?.isFinishing === true) return
    this.#transfer?.install?.abort()
    this.#transfer = undefined
  }

  #ask(now: number, transfer: Transfer): void {
    transfer.askedAt = now
    this.#host.send(transfer.from, { kind: 'snapshotRequest', snapshot: transfer.snapshot, after: transfer.after })
  }

  #finish(transfer: Transfer): void {
    // Nothing else may be received before this is in place.
    transfer.isStoring = true
    transfer.isFinishing = transfer.install !== undefined
    if (transfer.install === undefined) this.#transfer = undefined
    else
      this.#host.finish(transfer.install, transfer.appliedUpTo, () => {
        this.#transfer = undefined
      })
  }
}

/** A donor that was restarted counts its snapshots anew; what a snapshot holds follows from the slot that it is of. */
function isSameSnapshot(transfer: Transfer, { snapshot, appliedUpTo }: SnapshotChunk): boolean {
  return transfer.snapshot === snapshot && transfer.appliedUpTo === appliedUpTo
}
