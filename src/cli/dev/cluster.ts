import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { AdminClient } from '../../client/admin.ts'
import { viewCluster } from '../cluster-view.ts'
import { pause } from '../pause.ts'
import { type DevDirectory, type DevPlan, type DevWishes, markServed, nodeName, takeDevDirectory } from './directory.ts'
import { NodeProcess } from './node-process.ts'
import { clientPort, peerPort, requireFreePorts } from './ports.ts'

export interface DevOptions extends DevWishes {
  readonly path: string
  readonly program: string
  readonly restart: boolean
  /** `key=value` for every node. */
  readonly set: readonly string[]
  /** Something to tell while it runs. */
  say(text: string): void
  /** Every node is down, and none will be started again. */
  onAllDead(): void
}

export interface DevNode {
  readonly name: string
  readonly endpoint: string
  readonly pid: number | undefined
}

const restartAfterMs = 2000
const serveWithinMs = 60_000

/** A cluster of several processes on this machine. The steps are separate, so that they can be shown one by one. */
export class DevCluster {
  readonly #options: DevOptions
  #directory: DevDirectory | undefined
  #nodes: readonly NodeProcess[] = []
  #serving = false
  #stopping = false

  constructor(options: DevOptions) {
    this.#options = options
  }

  get nodes(): readonly DevNode[] {
    return this.#nodes.map((node, index) => ({ name: node.name, endpoint: this.#endpoint(index), pid: node.pid }))
  }

  /** Step one: takes the data directory. */
  async open(): Promise<DevPlan> {
    const { path } = this.#options
    this.#directory = await takeDevDirectory(path, this.#options, () => `dev-${randomBytes(8).toString('hex')}`)
    return this.#directory.plan
  }

  /** Step two: starts the processes, unless a port is taken. */
  async start(): Promise<void> {
    const { nodes, basePort } = this.#plan
    await requireFreePorts(basePort, nodes)
    this.#nodes = Array.from({ length: nodes }, (_, index) => this.#create(index))
    for (const node of this.#nodes) node.start()
  }

  /** Step three: resolves with the name of the leader. Throws PaxosError UNHEALTHY with the log of a node that died. */
  async serve(): Promise<string> {
    const admin = new AdminClient({ timeoutMs: 2000 })
    const endpoints = this.#nodes.map((_, index) => this.#endpoint(index))
    const deadline = performance.now() + serveWithinMs
    let problem = 'no node answers'
    try {
      while (performance.now() < deadline) {
        if (this.#stopping) throw new PaxosError('STOPPING', 'Stopped before it served')
        const dead = this.#nodes.find((node) => !node.isRunning)
        if (dead !== undefined) throw diedEarly(dead)
        try {
          const view = await viewCluster(admin, endpoints)
          if (view.healthy && view.leader !== null) {
            this.#serving = true
            markServed(this.#options.path, this.#plan)
            return view.leader
          }
          problem = view.problems.join('; ')
        } catch (error) {
          if (!(error instanceof PaxosError)) throw error
        }
        await pause(50)
      }
    } finally {
      admin.close()
    }
    throw new PaxosError('UNHEALTHY', `The cluster does not serve after ${serveWithinMs / 1000} s: ${problem}`, {
      hint: `The logs are ${join(this.#options.path, '*.log')}.`,
    })
  }

  /** Makes the step that is under way end. */
  interrupt(): void {
    this.#stopping = true
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#nodes.map((node) => node.stop()))
    await this.#directory?.release()
  }

  /** At once, for an impatient second Ctrl-C. */
  kill(): void {
    for (const node of this.#nodes) node.kill()
  }

  get #plan(): DevPlan {
    if (this.#directory === undefined) throw new Error('the development cluster was not opened')
    return this.#directory.plan
  }

  #endpoint(index: number): string {
    return `http://127.0.0.1:${clientPort(this.#plan.basePort, index)}`
  }

  #create(index: number): NodeProcess {
    const { path, program, restart, say } = this.#options
    const name = nodeName(index)
    return new NodeProcess({
      name,
      program,
      cwd: path,
      args: this.#args(index),
      logFile: join(path, `${name}.log`),
      restartAfterMs: restart ? restartAfterMs : undefined,
      onEnd: ({ how, isClean, restartAfterMs: afterMs }) => {
        // Before it serves, `serve` says what happened.
        if (!this.#serving || this.#stopping) return
        const ended = isClean ? 'stopped' : `died (${how})`
        const next = afterMs === undefined ? '' : `, starting it again${afterMs === 0 ? '' : ` in ${afterMs / 1000} s`}`
        say(`${name} ${ended}${next}`)
        if (!restart && this.#nodes.every((node) => !node.isRunning)) this.#options.onAllDead()
      },
      onRestart: (pid) => say(`${name} is started again (process ${pid})`),
    })
  }

  #args(index: number): string[] {
    const { nodes, basePort, token } = this.#plan
    const members = Array.from({ length: nodes }, (_, at) => `${nodeName(at)}=127.0.0.1:${peerPort(basePort, at)}`)
    return [
      ...['--name', nodeName(index)],
      ...['--data-dir', join(this.#options.path, nodeName(index))],
      ...['--listen-client', `127.0.0.1:${clientPort(basePort, index)}`],
      ...['--listen-peer', `127.0.0.1:${peerPort(basePort, index)}`],
      ...['--bootstrap-members', members.join(',')],
      ...['--cluster-token', token],
      '--stop-with-stdin',
      ...this.#options.set.flatMap((entry) => ['--set', entry]),
    ]
  }
}

function diedEarly(node: NodeProcess): PaxosError {
  return new PaxosError(
    'UNHEALTHY',
    `${node.name} ended while starting. The end of ${node.logFile}:\n${node.lastLines(6)}`,
    {
      hint: 'If the data may go, --fresh begins anew.',
    },
  )
}
