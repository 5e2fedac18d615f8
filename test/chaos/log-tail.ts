/**
 * Follows the chosen log of every node through its API, and remembers which values it holds. A log is truncated once all
 * members have it, so one node alone, which may be down, would not do. Members that show different commands in one slot
 * are the worst that can happen: that is checked here too.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { LogLineJson } from '../../src/wire/api-types.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { NodeProcess } from '../cluster/node-process.ts'
import { until } from '../cluster/until.ts'

const retryMs = 50
const lastMs = 10_000

export class LogTail {
  readonly #cluster: Cluster
  readonly #counts = new Map<string, number>()
  /** Commands by slot, as JSON. */
  readonly #slots = new Map<number, string>()
  readonly #problems: string[] = []
  readonly #stop = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  get problems(): readonly string[] {
    return this.#problems
  }

  get slots(): number {
    return this.#slots.size
  }

  /** False when slots were truncated before they could be read: then the log cannot say what is not in it. */
  get isWhole(): boolean {
    return this.missing === 0
  }

  get missing(): number {
    let highest = -1
    for (const slot of this.#slots.keys()) highest = Math.max(highest, slot)
    return highest + 1 - this.#slots.size
  }

  /** In how many commands of the chosen log the value stands. */
  count(value: string): number {
    return this.#counts.get(value) ?? 0
  }

  start(): void {
    this.#running = Promise.all(this.#cluster.nodes.map((node) => this.#follow(node)))
  }

  /** Reads up to `chosen`, exclusive, and ends. Throws when no node shows the last slot. */
  async stop(chosen: number): Promise<void> {
    try {
      await until(`slot ${chosen - 1} is read`, lastMs, () => chosen === 0 || this.#slots.has(chosen - 1))
    } finally {
      await this.end()
    }
  }

  /** Ends without reading on; without this a run whose nodes are all down would never end. */
  async end(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #follow(node: NodeProcess): Promise<void> {
    const { signal } = this.#stop
    let next = 0
    while (!signal.aborted) {
      try {
        const response = await fetch(`${node.url}/v1/log?from=${next}&follow=true&values=true`, { signal })
        let rest = ''
        const decoder = new TextDecoder()
        for await (const chunk of response.body ?? []) {
          const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
          rest = lines.pop() ?? ''
          for (const line of lines) next = this.#read(node, JSON.parse(line) as LogLineJson)
        }
      } catch (error) {
        // The node went down, or is going.
        if (error instanceof SyntaxError) this.#problems.push(`${node.name} shows a log that is no JSON: ${error}`)
      }
      if (!signal.aborted) await pause(retryMs)
    }
  }

  /** Returns where to go on. */
  #read(node: NodeProcess, line: LogLineJson): number {
    if (line.state === 'truncated') return line.upTo ?? line.slot + 1
    if (line.state !== 'chosen') return line.slot
    const commands = JSON.stringify([line.kind, line.timeMs, line.commands])
    const known = this.#slots.get(line.slot)
    if (known === undefined) {
      this.#slots.set(line.slot, commands)
      this.#collect(line.commands)
    } else if (known !== commands) {
      this.#problems.push(`slot ${line.slot} is ${commands} on ${node.name} and was ${known} before`)
    }
    return line.slot + 1
  }

  #collect(value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    for (const [name, field] of Object.entries(value)) {
      if (name === 'value' && typeof field === 'string') this.#counts.set(field, this.count(field) + 1)
      else this.#collect(field)
    }
  }
}
