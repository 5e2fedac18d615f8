import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toBinary } from '../../src/base/bytes.ts'
import { Random } from '../../src/base/random.ts'
import { checkFile } from '../../src/daemon/backup/backup-file.ts'
import { backupId } from '../../src/daemon/backup/backup-id.ts'
import { incrementFrames } from '../../src/daemon/backup/increment-writer.ts'
import { metaOf } from '../../src/machine/records.ts'
import type { Command, SessionStamp } from '../../src/machine/request.ts'
import { noop } from '../../src/protocol/entry.ts'
import type { SlotEntry } from '../../src/protocol/multipaxos/message.ts'
import { Bench, put, toKey } from '../machine/fixtures.ts'
import { benchBackup } from './bench-backup.ts'

/** What the machine holds: after each slot, and at each revision. */
export interface Moment {
  readonly slot: number
  readonly revision: number
  /** Of the entry that made it, if it is one with a time. */
  readonly timeMs: number | undefined
  readonly keys: ReadonlyMap<string, string>
}

const startMs = Date.UTC(2026, 0, 1)

/** A machine that is written to at random, and files of what it did. */
export class SampleChain {
  readonly #bench = new Bench()
  readonly #random: Random
  readonly #folder: string
  readonly #clusterId: string
  readonly #log: SlotEntry[] = []
  readonly afterSlots: Moment[] = []
  readonly atRevisions = new Map<number, Moment>()
  #seq = 0
  #base: { readonly base: string; readonly from: number; readonly chainBefore: string } | undefined
  #files = 0

  constructor(folder: string, seed: number, clusterId = 'c1') {
    this.#folder = folder
    this.#random = new Random(seed)
    this.#clusterId = clusterId
    this.#bench.timeMs = startMs
    const { machine } = this.#bench
    const apply = machine.apply.bind(machine)
    machine.apply = (slot, entry) => {
      this.#log.push({ slot, entry })
      return apply(slot, entry)
    }
    this.#bench.barrier()
    this.#bench.one({ kind: 'openSession', ttlMs: 60_000 })
    this.#note()
  }

  /** Batches of several commands: writes, deletions, retries that count once, conditions that do not hold. */
  write(slots: number): void {
    for (let n = 0; n < slots; n++) {
      // The clock of another leader may be behind.
      this.#bench.timeMs += this.#random.chance(0.1) ? -500 : this.#random.integer(0, 2000)
      const kind = this.#random.integer(0, 12)
      if (kind === 0) this.#bench.entry(noop)
      else if (kind === 1) this.#bench.barrier()
      else this.#batch()
      this.#note(kind > 0)
    }
  }

  async full(): Promise<string> {
    const store = join(this.#folder, `store-${this.#files}`)
    mkdirSync(store)
    return await this.#save(benchBackup(this.#bench, store, this.#origin()))
  }

  /** Continues the file that was made last. */
  async increment(): Promise<string> {
    const { appliedUpTo: applied, revision, compactedRevision, chainSince, chain } = metaOf(this.#bench.overlay)
    const end = { applied, revision, compactedRevision, chainSince, chain: hex(chain) }
    const log = {
      page: async ({ from, to }: { from: number; to: number }) => this.#log.slice(from, Math.min(to, from + 7)),
    }
    if (this.#base === undefined) throw new Error('there is no backup to continue')
    return await this.#save(incrementFrames(log, this.#origin(), this.#base, end, 1000))
  }

  async #save(frames: AsyncIterable<Uint8Array>): Promise<string> {
    const path = join(this.#folder, `${this.#clusterId}-${this.#files++}.paxos`)
    const all: Uint8Array[] = []
    for await (const frame of frames) all.push(frame)
    writeFileSync(path, Buffer.concat(all))
    const { manifest } = await checkFile(path)
    this.#base = {
      base: backupId(manifest),
      from: manifest.applied,
      chainBefore: hex(metaOf(this.#bench.overlay).chain),
    }
    return path
  }

  #origin() {
    const place = { program: '0.1.0', clusterId: this.#clusterId, node: 'n1', group: '0', epoch: 1 }
    return {
      ...place,
      consistency: 'linearizable',
      createdAt: new Date(this.#bench.timeMs + 5000).toISOString(),
    } as const
  }

  #batch(): void {
    const requests: (Command | readonly [SessionStamp, Command])[] = []
    const count = this.#random.integer(1, 6)
    for (let n = 0; n < count; n++) requests.push(this.#request())
    const before = this.#bench.machine.revision
    const replies = this.#bench.batch(...requests)
    // What each revision is, within a batch too, follows from what the machine keeps of it.
    for (let revision = before + 1; revision <= this.#bench.machine.revision; revision++) {
      this.atRevisions.set(revision, this.#moment(revision))
    }
    if (replies.length !== count) throw new Error('a request without a reply')
  }

  #request(): Command | readonly [SessionStamp, Command] {
    const key = `key/${this.#random.integer(0, 20)}`
    const kind = this.#random.integer(0, 10)
    if (kind === 0) return { kind: 'delete', key: toKey(key), ifVersion: undefined }
    if (kind === 1) return put(key, 'never', 1_000_000)
    const write = put(key, `value ${this.#random.integer(0, 1_000_000)} `.repeat(5))
    if (kind > 5) return write
    const isRetry = kind === 2 && this.#seq > 0
    return [{ id: 1, seq: isRetry ? this.#seq : ++this.#seq, ackedBelow: 0 }, write]
  }

  #note(isTimed = true): void {
    this.afterSlots.push({ ...this.#moment(this.#bench.machine.revision), ...(isTimed ? {} : { timeMs: undefined }) })
  }

  #moment(revision: number): Moment {
    const answer = this.#bench.list('', undefined, { revision })
    if (answer.kind !== 'items') throw new Error(`revision ${revision} cannot be read`)
    const keys = new Map(
      answer.items.map((item) => [item.key, `${toBinary(item.value)} ${item.modRevision} ${item.version}`]),
    )
    return { slot: this.#bench.slot, revision, timeMs: this.#bench.timeMs, keys }
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
