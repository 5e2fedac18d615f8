/** Starts and ends the nodes of a run, and knows which ends are meant. Any other end is a finding. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/base/random.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Exit, NodeProcess, ProcessOptions } from '../cluster/node-process.ts'
import type { FaultLog } from './fault-log.ts'

export class NodeKeeper {
  readonly cluster: Cluster
  readonly #random: Random
  readonly #log: FaultLog
  /** Modules that every node loads first. */
  readonly #hooks: readonly string[]
  /** Nodes that may end now. */
  readonly #doomed = new Set<NodeProcess>()

  constructor(cluster: Cluster, random: Random, log: FaultLog, hooks: readonly string[]) {
    this.cluster = cluster
    this.#random = random
    this.#log = log
    this.#hooks = hooks
  }

  get nodes(): readonly NodeProcess[] {
    return this.cluster.nodes
  }

  /** One of the nodes; it runs. */
  draw(): NodeProcess {
    const node = this.nodes[this.#random.integer(0, this.nodes.length)]
    if (node === undefined) throw new Error('a cluster without nodes')
    // One that ended by itself was noted already; the fault needs it to run.
    this.start(node)
    return node
  }

  /** Unless it runs, it is started, and must then run on. */
  start(node: NodeProcess, changes: Partial<ProcessOptions> = {}): void {
    this.#doomed.delete(node)
    if (node.running) return
    this.#spawn(node, changes, [])
    void node.exited().then(({ code, signal }: Exit) => {
      if (!this.#doomed.has(node)) this.#log.problem(`${node.name} ended by itself: code ${code}, signal ${signal}`)
    })
  }

  /** Starts a node that is meant to end; how it ends is for the caller to judge. */
  startDoomed(node: NodeProcess, changes: Partial<ProcessOptions> = {}, hooks: readonly string[] = []): void {
    this.#doomed.add(node)
    this.#spawn(node, changes, hooks)
  }

  startAll(): void {
    for (const node of this.nodes) this.start(node)
  }

  /** SIGKILL; nothing when it does not run. */
  async kill(node: NodeProcess): Promise<void> {
    this.#doomed.add(node)
    if (!node.running) return
    this.noteKill(node)
    await node.kill()
  }

  noteKill(node: NodeProcess, details: object = {}): void {
    this.#log.note('kill', node.name, details)
  }

  /** It may end from now on. */
  doom(node: NodeProcess): void {
    this.#doomed.add(node)
  }

  /** How it ended; undefined when it has not within this time. */
  async end(node: NodeProcess, ms: number): Promise<Exit | undefined> {
    return await Promise.race([node.exited(), pause(ms, undefined, { ref: false })])
  }

  /** What ends from now on is meant to end. */
  disarm(): void {
    for (const node of this.nodes) this.#doomed.add(node)
  }

  #spawn(node: NodeProcess, changes: Partial<ProcessOptions>, hooks: readonly string[]): void {
    const execArgv = [...this.#hooks, ...hooks].flatMap((hook) => ['--import', hook])
    node.start({ ...changes, execArgv })
  }
}
