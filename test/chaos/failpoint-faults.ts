/** Kills nodes at the named failpoints, each in its turn, and counts which were reached. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Random } from '../../src/base/random.ts'
import { groupOf } from '../cluster/cluster.ts'
import type { NodeProcess } from '../cluster/node-process.ts'
import { until } from '../cluster/until.ts'
import { type Failpoint, failpoints } from './failpoints.ts'
import type { FaultLog } from './fault-log.ts'
import type { NodeKeeper } from './node-keeper.ts'

const hook = pathToFileURL(join(import.meta.dirname, 'hooks', 'failpoint.ts')).href
const reachMsMax: Readonly<Record<Failpoint['occasion'], number>> = {
  creation: 15_000,
  boot: 15_000,
  load: 8000,
  election: 8000,
  install: 15_000,
  stop: 20_000,
}
const leaderMs = 2000
/** Lines of a node's log among which its last words are looked for. */
const lastLines = 20

export class FailpointFaults {
  readonly #keeper: NodeKeeper
  readonly #random: Random
  readonly #log: FaultLog
  readonly #hits = new Map(failpoints.map(({ name }) => [name, 0]))
  /** In the order in which they are to be reached. What was missed comes again last. */
  #queue: Failpoint[] = []

  constructor(keeper: NodeKeeper, random: Random, log: FaultLog) {
    this.#keeper = keeper
    this.#random = random
    this.#log = log
  }

  get hits(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#hits)
  }

  /** Every node's first start is ended at `each` of the places of its creation, and goes on from there. */
  async create(each: number): Promise<void> {
    const places = this.#shuffled(failpoints.filter(({ occasion }) => occasion === 'creation'))
    const { nodes } = this.#keeper
    const perNode = nodes.map((_, index) => places.filter((_, place) => place % nodes.length === index).slice(0, each))
    // All at once: what is written when two nodes first meet needs two of them.
    await Promise.all(
      nodes.map(async (node, index) => {
        for (const place of this.#inOrder(perNode[index] ?? [])) await this.#startAndEnd(node, place)
        this.#keeper.start(node)
      }),
    )
  }

  /** The next failpoint that can be reached now. */
  async next(): Promise<void> {
    if (this.#queue.length === 0) {
      this.#queue = this.#shuffled(failpoints.filter(({ occasion }) => occasion !== 'creation'))
    }
    const isTruncated = await this.#isTruncated()
    const index = this.#queue.findIndex(({ occasion }) => occasion !== 'install' || isTruncated)
    const [failpoint] = index < 0 ? [] : this.#queue.splice(index, 1)
    if (failpoint === undefined) return
    const node = this.#keeper.draw()
    await this.#keeper.kill(node)
    if (failpoint.occasion === 'install') {
      // With its data gone and the log truncated it has to fetch a snapshot.
      for (const file of ['state.mdb', 'state.mdb-lock']) await rm(join(node.dataDir, file), { force: true })
    }
    if (!(await this.#startAndEnd(node, failpoint))) this.#queue.push(failpoint)
    this.#keeper.startAll()
  }

  /** Starts a stopped node that is to end at the failpoint. False when it did not come there; it is down either way. */
  async #startAndEnd(node: NodeProcess, failpoint: Failpoint): Promise<boolean> {
    const { name, occasion, passesMax } = failpoint
    const pass = this.#random.integer(1, passesMax + 1)
    this.#keeper.startDoomed(node, {}, [`${hook}?name=${name}&pass=${pass}`])
    const isLate = this.#keeper.end(node, reachMsMax[occasion])
    if (occasion === 'election') await this.#depose(node)
    if (occasion === 'stop') await this.#terminate(node)
    const exit = await isLate
    if (exit === undefined) {
      this.#log.note('failpoint-missed', node.name, { name, pass })
      await this.#keeper.kill(node)
      return false
    }
    const isReached = node.log.split('\n').slice(-lastLines).includes(`failpoint ${name} reached`)
    if (!isReached || exit.signal !== 'SIGKILL') {
      this.#log.problem(`${node.name} ended before failpoint ${name}: code ${exit.code}, signal ${exit.signal}`)
      return false
    }
    this.#keeper.noteKill(node, { failpoint: name, pass })
    this.#log.note('failpoint', node.name, { name, pass })
    this.#hits.set(name, (this.#hits.get(name) ?? 0) + 1)
    return true
  }

  /** Once the node serves, its leader ends, so that it votes in an election. */
  async #depose(node: NodeProcess): Promise<void> {
    await this.#serves(node)
    const others = this.#keeper.nodes.filter((other) => other !== node)
    const leader = await this.#keeper.cluster.leader(others, leaderMs).catch(() => undefined)
    if (leader === undefined || !node.running) return
    await this.#keeper.kill(leader)
  }

  async #terminate(node: NodeProcess): Promise<void> {
    await this.#serves(node)
    if (node.running) node.signal('SIGTERM')
  }

  async #serves(node: NodeProcess): Promise<void> {
    const isServing = async (): Promise<boolean> => !node.running || (await node.readiness()).ready
    await until(`${node.name} serves`, reachMsMax.load, isServing).catch(() => {})
  }

  async #isTruncated(): Promise<boolean> {
    const found = await Promise.all(
      this.#keeper.nodes.map(async (node) => (node.running ? await groupOf(node).catch(() => undefined) : undefined)),
    )
    return found.some((group) => group !== undefined && group.truncated > 0)
  }

  #shuffled(all: readonly Failpoint[]): Failpoint[] {
    const left = [...all]
    const shuffled: Failpoint[] = []
    while (left.length > 0) shuffled.push(...left.splice(this.#random.integer(0, left.length), 1))
    return shuffled
  }

  /** As a creation goes on: what one start has left behind, the next does not make again. */
  #inOrder(places: readonly Failpoint[]): Failpoint[] {
    return failpoints.filter((failpoint) => places.includes(failpoint))
  }
}
