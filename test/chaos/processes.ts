/** Faults of processes and disks: they end, stop, and find their disk broken, one fault at a time, all from one seed. */
import { spawnSync } from 'node:child_process'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/base/random.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Exit, NodeProcess, ProcessOptions } from '../cluster/node-process.ts'
import type { FaultLog } from './fault-log.ts'

export interface ProcessFaultOptions {
  /** Upper end of how long a node stays down. */
  readonly downMsMax: number
  /** Upper end of the quiet time between two faults. */
  readonly quietMsMax: number
  readonly pauseMsMax: number
  readonly diskMsMax: number
}

const isStraceThere = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
/** What a node says when it refuses its data directory. */
const refusedCode = 6
const refusalMsMax = 30_000
/** A wiped node is watched for so long at least. */
const wipedMsMin = 2000

export class ProcessFaults {
  readonly #cluster: Cluster
  readonly #random: Random
  readonly #log: FaultLog
  readonly #options: ProcessFaultOptions
  /** Nodes that may end now. */
  readonly #doomed = new Set<NodeProcess>()

  constructor(cluster: Cluster, random: Random, log: FaultLog, options: ProcessFaultOptions) {
    this.#cluster = cluster
    this.#random = random
    this.#log = log
    this.#options = options
    for (const node of cluster.nodes) this.#watch(node)
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const draw = this.#random.next()
      if (draw < 0.76) await this.#killSome()
      else if (draw < 0.84) await this.#pauseOne()
      else if (draw < 0.88) await this.#terminate()
      else if (draw < 0.94) await this.#breakDisk()
      else if (draw < 0.96) await this.#loseState()
      else if (draw < 0.98) await this.#loseAcceptor()
      else await this.#wipe()
      await pause(this.#random.next() * this.#options.quietMsMax)
    }
    for (const node of this.#cluster.nodes) if (!node.running) this.#start(node)
  }

  async #killSome(): Promise<void> {
    const draw = this.#random.next()
    const { length } = this.#cluster.nodes
    const count = draw < 0.75 ? 1 : draw < 0.92 ? Math.min(2, length) : length
    const first = this.#random.integer(0, length)
    const victims = this.#cluster.nodes.filter((_, index) => (index - first + length) % length < count)
    await Promise.all(victims.map((node) => this.#kill(node)))
    await pause(this.#random.next() * this.#options.downMsMax)
    for (const node of victims) this.#start(node)
  }

  async #pauseOne(): Promise<void> {
    const node = this.#draw()
    // As many short ones as long ones: each decade is as likely.
    const ms = Math.exp(this.#random.next() * Math.log(this.#options.pauseMsMax))
    this.#log.note('pause', node.name, { ms: Math.round(ms) })
    node.signal('SIGSTOP')
    await pause(ms)
    node.signal('SIGCONT')
  }

  async #terminate(): Promise<void> {
    const node = this.#draw()
    this.#doomed.add(node)
    this.#log.note('terminate', node.name)
    const { code } = await node.stop()
    if (code !== 0) this.#log.problem(`${node.name} ended with code ${code} after SIGTERM`)
    this.#start(node)
  }

  /** One storage call of one node fails or is late, from some call on or once. */
  async #breakDisk(): Promise<void> {
    if (!isStraceThere) return
    const node = this.#draw()
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
    await this.#kill(node)
    this.#log.note('disk', node.name, { call, rule })
    this.#doomed.add(node)
    node.start(injected(call, rule))
    const ended = await Promise.race([node.exited(), pause(this.#options.diskMsMax)])
    if (ended === undefined) await this.#kill(node)
    // While writes go on failing, the process sometimes aborts in native code on its way out. It has stopped all the same.
    else if (ended.code !== 1 && ended.signal === null) this.#log.problem(`${node.name} ended with code ${ended.code}`)
    this.#start(node)
  }

  /** The state file is a copy of what was agreed: a node without it fetches it again. */
  async #loseState(): Promise<void> {
    const node = this.#draw()
    await this.#kill(node)
    this.#log.note('lose-state', node.name)
    for (const file of ['state.mdb', 'state.mdb-lock']) await rm(join(node.dataDir, file), { force: true })
    this.#start(node)
  }

  /** A node that forgot its promises must not vote again: it refuses to start until its file is back. */
  async #loseAcceptor(): Promise<void> {
    const node = this.#draw()
    await this.#kill(node)
    this.#log.note('lose-acceptor', node.name)
    const file = join(node.dataDir, 'acceptor.mdb')
    await rename(file, `${file}.aside`)
    this.#doomed.add(node)
    node.start()
    const exit = await Promise.race([node.exited(), pause(refusalMsMax)])
    if (exit === undefined || exit.code !== refusedCode) {
      this.#log.problem(`${node.name} without its acceptor file did not refuse to start: ${JSON.stringify(exit)}`)
    }
    await node.end()
    await rename(`${file}.aside`, file)
    this.#start(node)
  }

  /** On an empty directory it looks like a new node, and the others must not take it for the old one. */
  async #wipe(): Promise<void> {
    const node = this.#draw()
    await this.#kill(node)
    const aside = `${node.dataDir}.aside`
    await rename(node.dataDir, aside)
    const deadline = performance.now() + wipedMsMin + this.#random.next() * wipedMsMin
    this.#log.note('wipe', node.name, { ms: Math.round(deadline - performance.now()) })
    node.start()
    while (performance.now() < deadline && node.running) {
      const answer = await node.readiness().catch(() => undefined)
      if (answer?.ready === true) this.#log.problem(`${node.name} was let in again on an empty directory`)
      await pause(100)
    }
    await node.end()
    await rm(node.dataDir, { recursive: true, force: true })
    await rename(aside, node.dataDir)
    this.#start(node)
  }

  #draw(): NodeProcess {
    const { nodes } = this.#cluster
    const node = nodes[this.#random.integer(0, nodes.length)]
    if (node === undefined) throw new Error('a cluster without nodes')
    // One that ended by itself was noted already; the fault needs it to run.
    if (!node.running) this.#start(node)
    return node
  }

  async #kill(node: NodeProcess): Promise<void> {
    this.#doomed.add(node)
    if (!node.running) return
    this.#log.note('kill', node.name)
    await node.kill()
  }

  #start(node: NodeProcess): void {
    this.#doomed.delete(node)
    if (node.running) return
    node.start()
    this.#watch(node)
  }

  #watch(node: NodeProcess): void {
    void node.exited().then((exit: Exit) => {
      if (this.#doomed.has(node)) return
      this.#log.problem(`${node.name} ended by itself: code ${exit.code}, signal ${exit.signal}`)
    })
  }

  /** What ends from now on is meant to end. */
  disarm(): void {
    for (const node of this.#cluster.nodes) this.#doomed.add(node)
  }
}

/** With one thread in the pool, the count of calls is the node's. */
function injected(call: string, rule: string): Partial<ProcessOptions> {
  const options = ['-e', `trace=${call}`, '-e', 'signal=none', '-e', `inject=${call}:${rule}`]
  return { wrapper: ['strace', '-D', '-f', '-o', '/dev/null', ...options], env: { UV_THREADPOOL_SIZE: '1' } }
}
