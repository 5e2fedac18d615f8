/** All that is done to a cluster in one run: processes, disks, directories, the network and the clocks, from one seed. */
import { Random } from '../../src/base/random.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { ClockFaults } from './clock-faults.ts'
import { DirectoryFaults } from './directory-faults.ts'
import { FailpointFaults } from './failpoint-faults.ts'
import type { FaultLog } from './fault-log.ts'
import { FullDisk } from './full-disk.ts'
import { lieHook } from './lies.ts'
import { NetworkFaults } from './network.ts'
import { clockHook, NodeClocks } from './node-clocks.ts'
import { NodeKeeper } from './node-keeper.ts'
import { ProcessFaults } from './processes.ts'

export interface NemesisOptions {
  readonly seed: number
  /** Faults may last long, too. */
  readonly isLong: boolean
  /** What every node is started with. */
  readonly settings: Readonly<Record<string, string | number>>
  readonly hasLeases: boolean
  /** Of lies.ts. */
  readonly lie: string | undefined
}

/** Leases are made for clocks that differ by less (`clockDriftMax` of the engine is 0.05). */
const driftWithLeases = 0.04
const driftWithout = 0.5

export class Nemesis {
  readonly #keeper: NodeKeeper
  readonly #failpoints: FailpointFaults
  readonly #creationsEach: number
  readonly #faults: readonly { run(isOver: () => boolean): Promise<void> }[]

  constructor(cluster: Cluster, log: FaultLog, { seed, isLong, settings, hasLeases, lie }: NemesisOptions) {
    const random = new Random(seed)
    if (cluster.proxy === undefined) throw new Error('chaos needs the proxy')
    const hooks = [clockHook, ...(lie === undefined ? [] : [lieHook(lie)])]
    this.#keeper = new NodeKeeper(cluster, random, log, hooks)
    this.#failpoints = new FailpointFaults(this.#keeper, random, log)
    this.#creationsEach = isLong ? Number.POSITIVE_INFINITY : 1
    const clocks = new NodeClocks(cluster.directory)
    const others = {
      failpoints: this.#failpoints,
      directories: new DirectoryFaults(this.#keeper, random, log),
      fullDisk: new FullDisk(this.#keeper, settings, random, log, isLong ? 12_000 : 5000),
    }
    const names = cluster.nodes.map((node) => node.name)
    this.#faults = [
      new ProcessFaults(this.#keeper, clocks, others, random, log, {
        downMsMax: 1500,
        quietMsMax: 1500,
        pauseMsMax: isLong ? 60_000 : 3000,
        diskMsMax: isLong ? 8000 : 4000,
      }),
      new NetworkFaults(cluster.proxy, names, new Random(seed ^ 0x5eed), log, {
        faultMsMax: isLong ? 8000 : 3000,
        quietMsMax: 4000,
      }),
      new ClockFaults(cluster.nodes, clocks, new Random(seed ^ 0xc10c), log, {
        quietMsMax: 4000,
        driftMax: hasLeases ? driftWithLeases : driftWithout,
      }),
    ]
  }

  /** How often each failpoint was reached. */
  get failpoints(): Readonly<Record<string, number>> {
    return this.#failpoints.hits
  }

  /** Starts the nodes for the first time, which takes several starts. */
  async create(): Promise<void> {
    await this.#failpoints.create(this.#creationsEach)
  }

  /** Until it is over; all nodes run then, and all links are whole. */
  async run(isOver: () => boolean): Promise<void> {
    await Promise.all(this.#faults.map((fault) => fault.run(isOver)))
  }

  /** What ends from now on is meant to end. */
  disarm(): void {
    this.#keeper.disarm()
  }
}
