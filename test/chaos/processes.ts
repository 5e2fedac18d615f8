/** Faults of processes: they end, stand still, and find their disk broken, one fault at a time, all from one seed. */
import { spawnSync } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/base/random.ts'
import type { ProcessOptions } from '../cluster/node-process.ts'
import type { DirectoryFaults } from './directory-faults.ts'
import type { FailpointFaults } from './failpoint-faults.ts'
import type { FaultLog } from './fault-log.ts'
import type { FullDisk } from './full-disk.ts'
import type { NodeClocks } from './node-clocks.ts'
import type { NodeKeeper } from './node-keeper.ts'

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

export class ProcessFaults {
  readonly #keeper: NodeKeeper
  readonly #clocks: NodeClocks
  readonly #random: Random
  readonly #log: FaultLog
  readonly #options: ProcessFaultOptions
  readonly #steps: readonly (readonly [weight: number, step: () => Promise<void>])[]

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
    this.#steps = [
      [38, () => this.#killSome()],
      [32, () => failpoints.next()],
      [8, () => this.#pauseOne()],
      [3, () => this.#terminate()],
      [6, () => this.#breakDisk()],
      [4, () => fullDisk.fill()],
      [2, () => directories.loseState()],
      [2, () => directories.loseAcceptor()],
      [2, () => directories.wipe()],
      [3, () => directories.restore()],
    ]
  }

  async run(isOver: () => boolean): Promise<void> {
    const total = this.#steps.reduce((sum, [weight]) => sum + weight, 0)
    while (!isOver()) {
      let draw = this.#random.next() * total
      const step = this.#steps.find(([weight]) => {
        draw -= weight
        return draw < 0
      })
      await step?.[1]()
      await pause(this.#random.next() * this.#options.quietMsMax)
    }
    this.#keeper.startAll()
  }

  async #killSome(): Promise<void> {
    const draw = this.#random.next()
    const { nodes } = this.#keeper
    const count = draw < 0.7 ? 1 : draw < 0.88 ? Math.min(2, nodes.length) : nodes.length
    const first = this.#random.integer(0, nodes.length)
    const victims = nodes.filter((_, index) => (index - first + nodes.length) % nodes.length < count)
    if (count === nodes.length) this.#log.note('all-down', 'all')
    await Promise.all(victims.map((node) => this.#keeper.kill(node)))
    await pause(this.#random.next() * this.#options.downMsMax)
    this.#keeper.startAll()
  }

  /** Only the process stands still, or its whole machine sleeps. */
  async #pauseOne(): Promise<void> {
    const node = this.#keeper.draw()
    // As many short ones as long ones: each decade is as likely.
    const ms = Math.exp(this.#random.next() * Math.log(this.#options.pauseMsMax))
    const isSleep = ms > sleepMs && this.#random.chance(0.5)
    if (isSleep) this.#clocks.set(node, { sleepMs })
    const name = isSleep && (await this.#clocks.isTaken(node)) ? 'sleep' : 'pause'
    this.#log.note(name, node.name, { ms: Math.round(ms) })
    node.signal('SIGSTOP')
    await pause(ms)
    node.signal('SIGCONT')
    if (!isSleep) return
    // Not before it has looked at its clock.
    this.#clocks.set(node, {})
    await this.#clocks.isTaken(node)
    this.#clocks.set(node, { sleepMs: undefined })
  }

  async #terminate(): Promise<void> {
    const node = this.#keeper.draw()
    this.#keeper.doom(node)
    this.#log.note('terminate', node.name)
    const { code } = await node.stop()
    if (code !== 0) this.#log.problem(`${node.name} ended with code ${code} after SIGTERM`)
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
