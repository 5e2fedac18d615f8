import { PaxosError } from '../base/error.ts'
import type { NodeId } from '../protocol/ids.ts'
import type { RuntimeMessage } from './peer-message.ts'
import type { StatePage, StateSnapshot } from './ports.ts'
import { chunkChecksum } from './snapshot-chunk.ts'

type SnapshotRequest = Extract<RuntimeMessage, { kind: 'snapshotRequest' }>
type SnapshotChunk = Extract<RuntimeMessage, { kind: 'snapshotChunk' }>

/** Open copies hold disk space, so there are few, and none for ever. */
const openMax = 2
const idleMs = 30_000
/** When others wait, those make room that were not asked for in this time: they were sent to the end, or their receiver died. */
const crowdedIdleMs = 2500

interface Open {
  readonly snapshot: StateSnapshot
  readonly to: NodeId
  usedAt: number
}

/** Serves the machine's data in chunks to members that are too far behind for the log. Any chunk may be asked again. */
export class SnapshotDonor {
  readonly #take: (task: (snapshot: StateSnapshot) => void) => void
  readonly #chunkBytes: number
  readonly #onSent: (bytes: number) => void
  readonly #open = new Map<number, Open>()
  #id = 0

  constructor(
    take: (task: (snapshot: StateSnapshot) => void) => void,
    chunkBytes: number,
    onSent: (bytes: number) => void,
  ) {
    this.#take = take
    this.#chunkBytes = chunkBytes
    this.#onSent = onSent
  }

  onRequest(now: number, from: NodeId, request: SnapshotRequest, send: (chunk: SnapshotChunk) => void): void {
    if (request.snapshot !== undefined) {
      const open = this.#open.get(request.snapshot)
      if (open === undefined || open.to !== from) return
      open.usedAt = now
      this.#sendChunk(request.snapshot, open, request.after, send)
      return
    }
    for (const [id, open] of this.#open) if (open.to === from) this.#close(id, open)
    if (this.#open.size >= openMax) this.#closeIdle(now, crowdedIdleMs)
    if (this.#open.size >= openMax) return
    this.#take((snapshot) => {
      this.#id++
      const open = { snapshot, to: from, usedAt: now }
      this.#open.set(this.#id, open)
      this.#sendChunk(this.#id, open, undefined, send)
    })
  }

  onTick(now: number): void {
    this.#closeIdle(now, idleMs)
  }

  close(): void {
    for (const [id, open] of this.#open) this.#close(id, open)
  }

  #closeIdle(now: number, forMs: number): void {
    for (const [id, open] of this.#open) if (now - open.usedAt > forMs) this.#close(id, open)
  }

  #sendChunk(id: number, open: Open, after: string | undefined, send: (chunk: SnapshotChunk) => void): void {
    const { snapshot } = open
    const page = pageOf(snapshot, after, this.#chunkBytes)
    if (page === undefined) {
      this.#close(id, open)
      return
    }
    const { entries, done } = page
    const content = { snapshot: id, appliedUpTo: snapshot.appliedUpTo, after, entries, done }
    send({ kind: 'snapshotChunk', ...content, checksum: chunkChecksum(content) })
    this.#onSent(entries.reduce((bytes, [key, value]) => bytes + key.length + value.length, 0))
  }

  #close(id: number, { snapshot }: Open): void {
    this.#open.delete(id)
    snapshot.close()
  }
}

/** Undefined when the store gave the snapshot up: it lay idle, or the data that it was of was replaced. */
function pageOf(snapshot: StateSnapshot, after: string | undefined, bytesMax: number): StatePage | undefined {
  try {
    return snapshot.page(after, bytesMax)
  } catch (error) {
    if (error instanceof PaxosError && error.code === 'NOT_FOUND') return undefined
    throw error
  }
}
