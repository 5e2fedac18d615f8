/** Sets the clocks of nodes that were started with hooks/clock.ts. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { NodeProcess } from '../cluster/node-process.ts'

export interface ClockSettings {
  /** Rises with each change, so that it can be seen whether a node has taken it. */
  readonly number: number
  /** Of the wall clock. */
  readonly offsetMs: number
  /** Of both clocks: they tick by one oscillator. */
  readonly rate: number
  /** When the process does not run for so long, the machine slept: the monotonic clock leaves it out. */
  readonly sleepMs: number | undefined
}

/** `node` must be given to every process whose clock is to be set. */
export const clockHook = join(import.meta.dirname, 'hooks', 'clock.ts')

const takenMsMax = 2000
const pollMs = 10

export class NodeClocks {
  readonly #directory: string
  readonly #settings = new Map<string, ClockSettings>()

  /** `directory`: where the nodes are started. */
  constructor(directory: string) {
    this.#directory = directory
  }

  of(node: NodeProcess): ClockSettings {
    return this.#settings.get(node.name) ?? { number: 0, offsetMs: 0, rate: 1, sleepMs: undefined }
  }

  /** A running node takes it within some hundredths of a second, one that does not run with its next start. */
  set(node: NodeProcess, change: Partial<Omit<ClockSettings, 'number'>>): void {
    const before = this.of(node)
    const settings = { ...before, ...change, number: before.number + 1 }
    this.#settings.set(node.name, settings)
    const path = this.#path(node)
    writeFileSync(`${path}.half`, JSON.stringify(settings))
    renameSync(`${path}.half`, path)
  }

  /** False when the node has not taken the last change in time: it is down or stands still. */
  async isTaken(node: NodeProcess): Promise<boolean> {
    const deadline = performance.now() + takenMsMax
    const { number } = this.of(node)
    while (performance.now() < deadline) {
      if (this.#seen(node) === number) return true
      await pause(pollMs)
    }
    return false
  }

  #seen(node: NodeProcess): number | undefined {
    try {
      return Number(readFileSync(`${this.#path(node)}.seen`, 'utf8'))
    } catch {
      return undefined
    }
  }

  #path(node: NodeProcess): string {
    return join(this.#directory, `clock-${node.name}.json`)
  }
}
