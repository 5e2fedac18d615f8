/**
 * Constant load whose every effect can be accounted for afterwards. A worker owns one key and writes 1, 2, 3, … to it, so
 * the key's version must equal its value: less means a lost write, more means one applied twice.
 */
import assert from 'node:assert/strict'
import { PaxosError } from '../../src/base/error.ts'
import type { PaxosClient } from '../../src/client/client.ts'
import type { Cluster } from './cluster.ts'
import { until } from './until.ts'

interface Acknowledged {
  readonly key: string
  readonly value: number
  readonly revision: number
}

export interface LoadOptions {
  readonly workers?: number
  /** Readers for each of `readEndpoints`. */
  readonly readers?: readonly PaxosClient[]
}

/** What a client says that was closed with its cluster: a load that nobody stopped would ask it for ever. */
const clientClosed = 'The client is closed'

class Worker {
  readonly key: string
  readonly #client: PaxosClient
  readonly acknowledged: Acknowledged[] = []
  /** The highest value that was sent. */
  sent = 0
  /** The highest value that some read or acknowledgement has shown. */
  seen = 0

  constructor(key: string, client: PaxosClient) {
    this.key = key
    this.#client = client
  }

  async writeOne(): Promise<void> {
    const value = this.sent + 1
    this.sent = value
    const { revision, version } = await this.#client.put(this.key, String(value))
    assert.equal(version, value, `${this.key}: version ${version} after ${value} writes`)
    this.acknowledged.push({ key: this.key, value, revision })
    this.seen = Math.max(this.seen, value)
  }

  /** Linearizable: not below what anybody had seen before the read began, nor above what was sent when it ended. */
  async readOne(client: PaxosClient): Promise<void> {
    const atLeast = this.seen
    const item = await client.get(this.key)
    const value = item === undefined ? 0 : Number(item.text())
    assert.ok(value >= atLeast, `stale read of ${this.key}: ${value} after ${atLeast} had been seen`)
    assert.ok(value <= this.sent, `${this.key} read as ${value}, but only ${this.sent} was written`)
    assert.equal(item?.version ?? 0, value, `${this.key}: version and value differ`)
    this.seen = Math.max(this.seen, value)
  }
}

export class Load {
  readonly #workers: readonly Worker[]
  readonly #client: PaxosClient
  readonly #running: Promise<void>[]
  #stopping = false
  #failure: unknown
  reads = 0
  failedReads = 0

  /** Writes through `client`, whose session makes retries harmless; reads through every reader in turn. */
  constructor(client: PaxosClient, { workers = 16, readers = [] }: LoadOptions = {}) {
    this.#client = client
    this.#workers = Array.from({ length: workers }, (_, index) => new Worker(`load/${index}`, client))
    this.#running = [
      ...this.#workers.map((worker) => this.#repeat(() => worker.writeOne())),
      ...readers.map((reader) => this.#repeatReads(reader)),
    ]
  }

  get acknowledged(): number {
    return this.#workers.reduce((sum, worker) => sum + worker.acknowledged.length, 0)
  }

  /** Waits for so many more acknowledgements. */
  async progress(writes: number, timeoutMs = 30_000): Promise<void> {
    const goal = this.acknowledged + writes
    await until(`${writes} more writes are acknowledged`, timeoutMs, () => {
      if (this.#failure !== undefined) throw this.#failure
      return this.acknowledged >= goal
    })
  }

  /** Lets what is under way finish. Throws what any worker or reader found wrong. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#running)
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Every acknowledged write is there exactly once, at the revision that its acknowledgement named. */
  async verify(): Promise<void> {
    for (const worker of this.#workers) {
      const item = await this.#client.get(worker.key)
      assert.ok(item !== undefined, `${worker.key} is lost`)
      assert.equal(item.text(), String(worker.sent), `${worker.key} lost its last write`)
      assert.equal(item.version, worker.sent, `${worker.key}: a write was lost or applied twice`)
      assert.equal(item.modRevision, worker.acknowledged.at(-1)?.revision)
    }
    const all = this.#workers.flatMap((worker) => worker.acknowledged)
    assert.equal(new Set(all.map(({ revision }) => revision)).size, all.length, 'two writes share a revision')
    await Promise.all(
      all.map(async ({ key, value, revision }) => {
        const item = await this.#client.get(key, { revision })
        assert.equal(item?.text(), String(value), `${key} at revision ${revision}`)
        assert.equal(item?.modRevision, revision)
      }),
    )
  }

  async #repeat(task: () => Promise<void>): Promise<void> {
    while (!this.#stopping && this.#failure === undefined) {
      try {
        await task()
      } catch (error) {
        this.#failure ??= error
      }
    }
  }

  async #repeatReads(reader: PaxosClient): Promise<void> {
    let turn = 0
    await this.#repeat(async () => {
      const worker = this.#workers[turn++ % this.#workers.length]
      try {
        await worker?.readOne(reader)
        this.reads++
      } catch (error) {
        // A node that is down or cut off answers nothing; what it may never do is answer wrongly.
        if (!(error instanceof PaxosError) || error.message === clientClosed) throw error
        this.failedReads++
      }
    })
  }
}

export interface Row {
  readonly key: string
  readonly value: string
  readonly version: number
  readonly modRevision: number
}

/** Everything a node holds, as it says itself without asking the others. */
export async function contentOf(
  cluster: Cluster,
  name: string,
): Promise<{ readonly revision: number; readonly rows: readonly Row[] }> {
  const client = cluster.clientOf(cluster.node(name))
  const rows: Row[] = []
  let start: string | undefined = ''
  let revision: number | undefined
  while (start !== undefined) {
    const page = await client.list({ start, consistency: 'stale', revision, limit: 1000 })
    revision ??= page.revision
    for (const item of page.items) {
      const { version, modRevision } = item
      rows.push({ key: item.keyText(), value: item.text(), version, modRevision })
    }
    start = page.more ? `${rows.at(-1)?.key}\0` : undefined
  }
  await client.close()
  return { revision: revision ?? 0, rows }
}

/** Waits until all nodes have applied the same, and compares everything they hold. */
export async function assertSameContent(cluster: Cluster, nodes = cluster.nodes, timeoutMs = 30_000): Promise<void> {
  const names = nodes.map((node) => node.name)
  const contents = await until('all nodes have the same revision', timeoutMs, async () => {
    const all = await Promise.all(names.map((name) => contentOf(cluster, name)))
    return all.every(({ revision }) => revision === all[0]?.revision) ? all : undefined
  })
  for (const content of contents) assert.deepEqual(content, contents[0])
}
