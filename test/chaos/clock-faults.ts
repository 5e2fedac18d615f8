/** Wrong clocks, one node at a time, all from one seed. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/base/random.ts'
import type { NodeProcess } from '../cluster/node-process.ts'
import type { FaultLog } from './fault-log.ts'
import type { NodeClocks } from './node-clocks.ts'

export interface ClockFaultOptions {
  readonly quietMsMax: number
  /** By how much a clock may be too fast or too slow. With leases, within the bound that they are made for. */
  readonly driftMax: number
}

const jumpMsMin = 5
const jumpMsMax = 6 * 3_600_000

export class ClockFaults {
  readonly #nodes: readonly NodeProcess[]
  readonly #clocks: NodeClocks
  readonly #random: Random
  readonly #log: FaultLog
  readonly #options: ClockFaultOptions

  constructor(
    nodes: readonly NodeProcess[],
    clocks: NodeClocks,
    random: Random,
    log: FaultLog,
    options: ClockFaultOptions,
  ) {
    this.#nodes = nodes
    this.#clocks = clocks
    this.#random = random
    this.#log = log
    this.#options = options
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await pause(this.#random.next() * this.#options.quietMsMax)
      if (isOver()) return
      const node = this.#nodes[this.#random.integer(0, this.#nodes.length)]
      if (node === undefined) return
      if (this.#random.chance(0.7)) this.#jump(node)
      else this.#drift(node)
    }
  }

  #jump(node: NodeProcess): void {
    // Each decade is as likely, from what hardly shows to hours, both ways.
    const size = jumpMsMin * Math.exp(this.#random.next() * Math.log(jumpMsMax / jumpMsMin))
    const ms = Math.round(this.#random.chance(0.5) ? size : -size)
    // Now and then it is set right again.
    const offsetMs = this.#random.chance(0.2) ? 0 : this.#clocks.of(node).offsetMs + ms
    this.#log.note('clock-jump', node.name, { offsetMs })
    this.#clocks.set(node, { offsetMs })
  }

  #drift(node: NodeProcess): void {
    const { driftMax } = this.#options
    const rate = 1 + (this.#random.next() * 2 - 1) * driftMax
    this.#log.note('clock-drift', node.name, { rate })
    this.#clocks.set(node, { rate })
  }
}
