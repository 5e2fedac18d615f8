import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { PaxosClient, type PaxosClientOptions } from '../../src/client/client.ts'
import type { GroupStatusJson } from '../../src/wire/api-types.ts'
import { NodeProcess, type ProcessOptions } from './node-process.ts'
import { freePorts } from './ports.ts'
import { PeerProxy } from './proxy.ts'
import { until } from './until.ts'

export interface ClusterOptions {
  readonly nodes: number
  readonly settings?: Readonly<Record<string, string | number>>
  /** The shipped ones are an operator's, and what is measured. */
  readonly timings?: 'short' | 'shipped'
  /** Where the temporary directory is made: the system's place for such, if not given. */
  readonly parent?: string
  /** Put our fault proxy between the members. */
  readonly proxied?: boolean
  /** Options of Node itself, for every process. */
  readonly execArgv?: readonly string[] | undefined
}

/** Short, so that tests are; a loaded machine then has elections without a cause now and then, which must do no harm. */
export const electionTimeoutMs = 500
const short = { heartbeatMs: 50, electionTimeoutMs }

/** How long a cluster may take to serve on a loaded machine. */
export const patienceMs = 30_000

/** A cluster of real processes, each with a data directory of its own below one temporary directory. */
export class Cluster {
  readonly directory: string
  readonly nodes: NodeProcess[]
  readonly proxy: PeerProxy | undefined
  readonly #clients = new Set<PaxosClient>()

  private constructor(directory: string, nodes: readonly NodeProcess[], proxy: PeerProxy | undefined) {
    this.directory = directory
    this.nodes = [...nodes]
    this.proxy = proxy
    process.once('exit', this.#kill)
  }

  get endpoints(): readonly string[] {
    return this.nodes.map((node) => node.url)
  }

  /** Not started yet. */
  static async create(options: ClusterOptions): Promise<Cluster> {
    const { nodes: count, settings, timings = 'short', parent = tmpdir(), proxied, execArgv } = options
    assert.ok(existsSync(joinPath(import.meta.dirname, '..', '..', 'dist')), 'run `npm run build` first')
    const directory = await mkdtemp(joinPath(parent, 'paxos-cluster-'))
    const ports = await freePorts(2 * count)
    const names = Array.from({ length: count }, (_, index) => `n${index + 1}`)
    const peerPorts = new Map(names.map((name, index) => [name, ports[count + index] ?? 0]))
    const proxy = proxied === true ? await PeerProxy.create(peerPorts) : undefined
    const members = names.map((name) => `${name}=127.0.0.1:${proxy?.port(name) ?? peerPorts.get(name)}`).join(',')
    const nodes = names.map((name, index) => {
      const processOptions: ProcessOptions = {
        name,
        dataDir: joinPath(directory, name),
        cwd: directory,
        clientPort: ports[index] ?? 0,
        peerPort: peerPorts.get(name) ?? 0,
        members,
        token: 'test-cluster',
        settings: { ...(timings === 'short' ? short : {}), ...settings },
        execArgv: execArgv ?? [],
      }
      return new NodeProcess(processOptions)
    })
    return new Cluster(directory, nodes, proxy)
  }

  /** A node that waits to be let in once it is started. It belongs to the cluster's nodes from now on. */
  async joiner(name: string, settings: Readonly<Record<string, string | number>> = {}): Promise<NodeProcess> {
    const [clientPort = 0, peerPort = 0] = await freePorts(2)
    const join = this.nodes.map((node) => `127.0.0.1:${node.clientPort}`).join(',')
    const dataDir = joinPath(this.directory, name)
    const places = { name, dataDir, cwd: this.directory, clientPort, peerPort, members: '', token: '', join }
    const node = new NodeProcess({ ...places, settings: { ...short, ...settings } })
    this.nodes.push(node)
    return node
  }

  node(name: string): NodeProcess {
    const found = this.nodes.find((node) => node.name === name)
    assert.ok(found !== undefined, `no node ${name}`)
    return found
  }

  except(...names: readonly string[]): NodeProcess[] {
    return this.nodes.filter((node) => !names.includes(node.name))
  }

  async startAll(nodes: readonly NodeProcess[] = this.nodes): Promise<void> {
    for (const node of nodes) node.start()
    await this.ready(nodes)
  }

  /** Waits until each of the nodes says that it serves. */
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

  /** The node that leads and serves, as it says itself; of several, the one with the highest ballot. */
  async leader(nodes: readonly NodeProcess[] = this.nodes, timeoutMs = patienceMs): Promise<NodeProcess> {
    return await until('there is a leader', timeoutMs, async () => {
      const found = await Promise.all(nodes.filter((node) => node.running).map(leadership))
      const leaders = found.filter((entry) => entry !== undefined)
      return leaders.sort((a, b) => b.round - a.round)[0]?.node
    })
  }

  client(options: Partial<PaxosClientOptions> = {}): PaxosClient {
    const client = new PaxosClient({ endpoints: this.endpoints, timeoutMs: patienceMs, ...options })
    this.#clients.add(client)
    return client
  }

  /** A client that talks to this node only. */
  clientOf(node: NodeProcess, options: Partial<PaxosClientOptions> = {}): PaxosClient {
    return this.client({ endpoints: [node.url], followLeader: false, ...options })
  }

  /** Every process has ended and every file is gone afterwards. */
  async destroy(): Promise<void> {
    process.off('exit', this.#kill)
    await Promise.all(this.nodes.map((node) => node.end()))
    await Promise.all([...this.#clients].map((client) => client.close()))
    await this.proxy?.close()
    await rm(this.directory, { recursive: true, force: true })
  }

  report(): string {
    return this.nodes.map((node) => `--- ${node.name} (${node.url})\n${node.log}`).join('\n')
  }

  /** For who ends in the middle: a clean stop would take longer than there is. */
  readonly #kill = (): void => {
    for (const node of this.nodes) if (node.running) node.signal('SIGKILL')
  }
}

/** Runs `body` on a cluster that has not been started, shows the logs if it fails, and cleans up always. */
export async function withCluster(options: ClusterOptions, body: (cluster: Cluster) => Promise<void>): Promise<void> {
  const cluster = await Cluster.create(options)
  try {
    await body(cluster)
  } catch (error) {
    console.error(cluster.report())
    throw error
  } finally {
    await cluster.destroy()
  }
}

export async function groupOf(node: NodeProcess): Promise<GroupStatusJson> {
  const group = (await node.status()).groups[0]
  assert.ok(group !== undefined)
  return group
}

async function leadership(node: NodeProcess): Promise<{ node: NodeProcess; round: number } | undefined> {
  const group = await groupOf(node).catch(() => undefined)
  if (group === undefined || group.role !== 'leader' || !group.steady) return undefined
  return { node, round: Number(group.ballot.split('.')[0]) }
}
