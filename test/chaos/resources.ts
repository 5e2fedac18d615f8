/** Memory, descriptors and file sizes of the nodes through a run: they may rise at first, never for ever. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Cluster } from '../cluster/cluster.ts'

const sampleMs = 2000
const mib = 1024 * 1024

export interface Usage {
  readonly rssBytes: number
  readonly descriptors: number
  readonly acceptorBytes: number
  readonly stateBytes: number
  /** In the data directory. */
  readonly files: number
}

/** What the second half of a run may have above the first. */
const slack: Usage = { rssBytes: 96 * mib, descriptors: 48, acceptorBytes: 16 * mib, stateBytes: 16 * mib, files: 8 }
const factor = 1.5
/** A shorter run shows nothing but its start. */
const judgedMs = 120_000

export class Resources {
  readonly #cluster: Cluster
  readonly #samples: { readonly atMs: number; readonly usage: Usage }[] = []
  readonly #beganAt = performance.now()
  #timer: NodeJS.Timeout | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  start(): void {
    this.#timer = setInterval(() => this.#sample(), sampleMs)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#sample()
  }

  /** The highest of any node at any time. */
  get peak(): Usage {
    return peakOf(this.#samples.map(({ usage }) => usage))
  }

  problems(): string[] {
    const total = performance.now() - this.#beganAt
    if (total < judgedMs) return []
    const between = (from: number, to: number): Usage =>
      peakOf(this.#samples.filter(({ atMs }) => atMs >= from * total && atMs < to * total).map(({ usage }) => usage))
    // The first fifth fills caches, history and log.
    const before = between(0.2, 0.6)
    const after = between(0.6, 1)
    return keys.flatMap((key) => {
      const allowed = before[key] * factor + slack[key]
      return after[key] <= allowed ? [] : [`${key} grew from ${before[key]} to ${after[key]}`]
    })
  }

  #sample(): void {
    for (const node of this.#cluster.nodes) {
      try {
        const usage = { ...processUsage(node.childPid), ...fileUsage(node.dataDir) }
        this.#samples.push({ atMs: performance.now() - this.#beganAt, usage })
      } catch {
        // The process ended while it was looked at.
      }
    }
  }
}

const keys = ['rssBytes', 'descriptors', 'acceptorBytes', 'stateBytes', 'files'] as const

function peakOf(usages: readonly Usage[]): Usage {
  const peak = (key: keyof Usage): number => usages.reduce((highest, usage) => Math.max(highest, usage[key]), 0)
  return {
    rssBytes: peak('rssBytes'),
    descriptors: peak('descriptors'),
    acceptorBytes: peak('acceptorBytes'),
    stateBytes: peak('stateBytes'),
    files: peak('files'),
  }
}

function processUsage(pid: number | undefined): Pick<Usage, 'rssBytes' | 'descriptors'> {
  if (pid === undefined) return { rssBytes: 0, descriptors: 0 }
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { rssBytes: Number(rss ?? 0) * 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length }
}

function fileUsage(dataDir: string): Pick<Usage, 'acceptorBytes' | 'stateBytes' | 'files'> {
  const size = (name: string): number => statSync(join(dataDir, name), { throwIfNoEntry: false })?.size ?? 0
  return { acceptorBytes: size('acceptor.mdb'), stateBytes: size('state.mdb'), files: readdirSync(dataDir).length }
}
