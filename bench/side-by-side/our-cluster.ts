import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { groupOf } from '../../test/cluster/cluster.ts'
import { NodeProcess } from '../../test/cluster/node-process.ts'
import { freePorts } from '../../test/cluster/ports.ts'
import { PeerProxy } from '../../test/cluster/proxy.ts'
import { until } from '../../test/cluster/until.ts'

export interface OurClusterOptions {
  readonly nodes?: number
  /** Beyond the defaults, which are what is measured otherwise. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** Milliseconds that a message between members takes longer, one way. */
  readonly delayMs?: number
}

const patienceMs = 60_000

/** Our nodes as an operator starts them: the compiled binary, a process each, default settings. */
export class OurCluster {
  readonly nodes: readonly NodeProcess[]
  readonly #directory: string
  readonly #proxy: PeerProxy | undefined

  private constructor(nodes: readonly NodeProcess[], directory: string, proxy: PeerProxy | undefined) {
    this.nodes = nodes
    this.#directory = directory
    this.#proxy = proxy
    process.once('exit', this.#kill)
  }

  /** Not started yet. */
  static async create(parent: string, options: OurClusterOptions = {}): Promise<OurCluster> {
    const { nodes: count = 3, settings = {}, delayMs } = options
    const directory = await mkdtemp(join(parent, 'paxos-'))
    const ports = await freePorts(2 * count)
    const names = Array.from({ length: count }, (_, index) => `n${index + 1}`)
    const peerPorts = new Map(names.map((name, index) => [name, ports[count + index] ?? 0]))
    const proxy = delayMs === undefined ? undefined : await delayed(peerPorts, delayMs)
    const members = names.map((name) => `${name}=127.0.0.1:${proxy?.port(name) ?? peerPorts.get(name)}`).join(',')
    const nodes = names.map(
      (name, index) =>
        new NodeProcess({
          name,
          dataDir: join(directory, name),
          cwd: directory,
          clientPort: ports[index] ?? 0,
          peerPort: peerPorts.get(name) ?? 0,
          members,
          token: 'bench',
          settings,
        }),
    )
    return new OurCluster(nodes, directory, proxy)
  }

  static async start(parent: string, options: OurClusterOptions = {}): Promise<OurCluster> {
    const cluster = await OurCluster.create(parent, options)
    try {
      await cluster.startAll()
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  get endpoints(): readonly string[] {
    return this.nodes.map((node) => node.url)
  }

  async startAll(nodes: readonly NodeProcess[] = this.nodes): Promise<void> {
    for (const node of nodes) node.start()
    await this.ready(nodes)
  }

  async ready(nodes: readonly NodeProcess[] = this.nodes, timeoutMs = patienceMs): Promise<void> {
    await Promise.all(
      nodes.map((node) =>
        until(`${node.name} is ready`, timeoutMs, async () => {
          assert.ok(node.running, `${node.name} has ended:\n${node.log}`)
          return (await node.readiness()).ready
        }),
      ),
    )
  }

  async leader(): Promise<NodeProcess> {
    return await until('there is a leader', patienceMs, async () => {
      for (const node of this.nodes.filter(({ running }) => running)) {
        const group = await groupOf(node)
        if (group.role === 'leader' && group.steady) return node
      }
      return undefined
    })
  }

  /** Ends every process and deletes the data. */
  async stop(): Promise<void> {
    process.off('exit', this.#kill)
    await Promise.all(this.nodes.map((node) => node.end()))
    await this.#proxy?.close()
    await rm(this.#directory, { recursive: true, force: true })
  }

  /** A clean stop of theirs would take longer than we have. */
  readonly #kill = (): void => {
    for (const node of this.nodes) if (node.running) node.signal('SIGKILL')
  }
}

async function delayed(peerPorts: ReadonlyMap<string, number>, delayMs: number): Promise<PeerProxy> {
  const proxy = await PeerProxy.create(peerPorts)
  for (const from of peerPorts.keys()) for (const to of peerPorts.keys()) proxy.delay(from, to, delayMs)
  return proxy
}

/** Runs `body` on a started cluster, and stops it whatever happens. */
export async function withOurCluster<T>(
  parent: string,
  options: OurClusterOptions,
  body: (cluster: OurCluster) => Promise<T>,
): Promise<T> {
  const cluster = await OurCluster.start(parent, options)
  try {
    return await body(cluster)
  } finally {
    await cluster.stop()
  }
}
