/** Faults of processes: they end, stand still, and find their disk broken, one fault at a time, all from one seed. */
import { spawnSync } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/base/random.ts'
import type { NodeProcess, ProcessOptions } from '../cluster/node-process.ts'
import type { DirectoryFaults } from './directory-faults.ts'
import type { FailpointFaults } from './failpoint-faults.ts'
import type { FaultLog } from './fault-log.ts'
import type { FullDisk } from './full-disk.ts'
import type { NodeClocks } from './node-clocks.ts'
import type { NodeKeeper } from './node-keeper.ts'
import { incarnationOf } from './node-log.ts'

export interface ProcessFaultOptions {
  /** Upper end of how long a node stays down. */
  readonly downMsMax: number
  /** Upper end of the quiet time between two faults. */
  readonly quietMsMax: number
  readonly pauseMsMax: number
  readonly diskMsMax: number
}

/** Faults that are a matter of their own. */
export interface OtherFaults {
  readonly failpoints: FailpointFaults
  readonly directories: DirectoryFaults
  readonly fullDisk: FullDisk
}

const isStraceThere = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
/** A process that stood still for so long while its machine slept finds its monotonic clock where it was. */
const sleepMs = 150
/** From waking until its network is there again. */
const wakingMs = 300
const leaderMs = 2000

export class ProcessFaults {
  readonly #keeper: NodeKeeper
  readonly #clocks: NodeClocks
  readonly #random: Random
  readonly #log: FaultLog
  readonly #options: ProcessFaultOptions
  /** Drawn without putting back, so that in any fifty steps there is each of them as often as it says. */
  readonly #cards: readonly (readonly [count: number, step: () => Promise<void>])[]

  constructor(
    keeper: NodeKeeper,
    clocks: NodeClocks,
    { failpoints, directories, fullDisk }: OtherFaults,
    random: Random,
    log: FaultLog,
    options: ProcessFaultOptions,
  ) {
    this.#keeper = keeper
    this.#clocks = clocks
    this.#random = random
    this.#log = log
    this.#options = options
    this.#cards = [
      [18, () => this.#killSome()],
      [17, () => failpoints.next()],
      [3, () => this.#pauseOne()],
      [2, () => this.#sleepOne()],
      [2, () => this.#terminate()],
      [2, () => this.#breakDisk()],
      [2, () => fullDisk.fill()],
      [1, () => directories.loseState()],
      [1, () => directories.loseAcceptor()],
      [1, () => directories.wipe()],
      [2, () => directories.restore()],
    ]
  }

  async run(isOver: () => boolean): Promise<void> {
    let deck: (() => Promise<void>)[] = []
    while (!isOver()) {
      if (deck.length === 0) deck = this.#cards.flatMap(([count, step]) => Array.from({ length: count }, () => step))
      const [step] = deck.splice(this.#random.integer(0, deck.length), 1)
      await step?.()
      await pause(this.#random.next() * this.#options.quietMsMax)
    }
    this.#keeper.startAll()
  }

  async #killSome(): Promise<void> {
    const draw = this.#random.next()
    const { nodes } = this.#keeper
    const majority = Math.floor(nodes.length / 2) + 1
    const count = draw < 0.65 ? 1 : draw < 0.82 ? majority : nodes.length
    const first = this.#random.integer(0, nodes.length)
    const victims = nodes.filter((_, index) => (index - first + nodes.length) % nodes.length < count)
    if (count === nodes.length) this.#log.note('all-down', 'all')
    await Promise.all(victims.map((node) => this.#keeper.kill(node)))
    await pause(this.#random.next() * this.#options.downMsMax)
    this.#keeper.startAll()
  }

  /** Only the process stands still; its clocks go on. */
  async #pauseOne(): Promise<void> {
    const node = await this.#drawBusy()
    const ms = this.#drawMs(1)
    this.#log.note('pause', node.name, { ms: Math.round(ms) })
    node.signal('SIGSTOP')
    await pause(ms)
    node.signal('SIGCONT')
  }

  /**
   * Its machine sleeps, and wakes before its network does, to which nothing came meanwhile: only its clocks can tell the
   * node what it missed, while clients' reads wait for it.
   */
  async #sleepOne(): Promise<void> {
    const node = await this.#drawBusy()
    const ms = this.#drawMs(2 * sleepMs)
    this.#clocks.set(node, { sleepMs })
    if (!(await this.#clocks.isTaken(node)) || !node.running) {
      this.#clocks.set(node, { sleepMs: undefined })
      return
    }
    this.#log.note('sleep', node.name, { ms: Math.round(ms) })
    node.signal('SIGSTOP')
    const { proxy } = this.#keeper.cluster
    const others = this.#keeper.nodes.filter((other) => other !== node)
    for (const other of others) proxy?.cutBoth(node.name, other.name)
    await pause(ms)
    node.signal('SIGCONT')
    // Not before it has looked at its clock.
    this.#clocks.set(node, {})
    await this.#clocks.isTaken(node)
    await pause(wakingMs)
    for (const other of others) {
      proxy?.heal(node.name, other.name)
      proxy?.heal(other.name, node.name)
    }
    this.#clocks.set(node, { sleepMs: undefined })
  }

  /** Often the leader: it has the most to be wrong about. */
  async #drawBusy(): Promise<NodeProcess> {
    const drawn = this.#keeper.draw()
    if (!this.#random.chance(0.6)) return drawn
    const leader = await this.#keeper.cluster.leader(this.#keeper.nodes, leaderMs).catch(() => undefined)
    return leader?.running === true ? leader : drawn
  }

  /** As many short times as long ones: each decade is as likely. */
  #drawMs(least: number): number {
    return least * Math.exp(this.#random.next() * Math.log(this.#options.pauseMsMax / least))
  }

  async #terminate(): Promise<void> {
    const node = this.#keeper.draw()
    this.#keeper.doom(node)
    this.#log.note('terminate', node.name)
    const { code, signal } = await node.stop()
    // The signal itself ends a process that does not listen for it yet, and has not begun to vote.
    const isEarly = signal === 'SIGTERM' && incarnationOf(node) === undefined
    if (code !== 0 && !isEarly) this.#log.problem(`${node.name} ended with code ${code}, ${signal} after SIGTERM`)
    this.#keeper.start(node)
  }

  /** One storage call of one node fails or is late, from some call on or once. */
  async #breakDisk(): Promise<void> {
    if (!isStraceThere) return
    const node = this.#keeper.draw()
    const nth = this.#random.integer(1, 120)
    const every = this.#random.chance(0.5) ? '+' : ''
    const rules = [
      ['fdatasync', `error=EIO:when=${nth}${every}`],
      ['pwrite64', `error=EIO:when=${nth}${every}`],
      ['pwrite64', `error=ENOSPC:when=${nth}${every}`],
      ['fdatasync', 'delay_enter=150000:when=1+7'],
      ['pwrite64', 'delay_enter=20000:when=1+9'],
    ] as const
    const [call, rule] = rules[this.#random.integer(0, rules.length)] ?? rules[0]
    await this.#keeper.kill(node)
    this.#log.note('disk', node.name, { call, rule })
    this.#keeper.startDoomed(node, injected(call, rule))
    const ended = await this.#keeper.end(node, this.#options.diskMsMax)
    if (ended === undefined) await this.#keeper.kill(node)
    // While writes go on failing, the process sometimes aborts in native code on its way out. It has stopped all the same.
    else if (ended.code !== 1 && ended.signal === null) this.#log.problem(`${node.name} ended with code ${ended.code}`)
    this.#keeper.start(node)
  }
}

/** With one thread in the pool, the count of calls is the node's. */
function injected(call: string, rule: string): Partial<ProcessOptions> {
  const options = ['-e', `trace=${call}`, '-e', 'signal=none', '-e', `inject=${call}:${rule}`]
  return { wrapper: ['strace', '-D', '-f', '-o', '/dev/null', ...options], env: { UV_THREADPOOL_SIZE: '1' } }
}
