import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../../test/cluster/ports.ts'
import { until } from '../../test/cluster/until.ts'

interface EtcdNode {
  readonly name: string
  readonly url: string
  readonly clientPort: number
  readonly peerPort: number
  child: ChildProcess | undefined
}

const patienceMs = 60_000

/** Three nodes of the etcd that is installed, on the same disk as ours, with its default settings. */
export class EtcdCluster {
  readonly nodes: readonly EtcdNode[]
  readonly #directory: string

  private constructor(nodes: readonly EtcdNode[], directory: string) {
    this.nodes = nodes
    this.#directory = directory
  }

  static async start(parent: string): Promise<EtcdCluster> {
    const directory = await mkdtemp(join(parent, 'etcd-'))
    const ports = await freePorts(6)
    const nodes = [0, 1, 2].map((at): EtcdNode => {
      const clientPort = ports[at] ?? 0
      const url = `http://127.0.0.1:${clientPort}`
      return { name: `e${at + 1}`, url, clientPort, peerPort: ports[3 + at] ?? 0, child: undefined }
    })
    const cluster = new EtcdCluster(nodes, directory)
    try {
      for (const node of nodes) cluster.#spawn(node)
      await cluster.leader()
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  get pids(): readonly number[] {
    return this.nodes.map(({ child }) => child?.pid ?? 0)
  }

  async leader(): Promise<EtcdNode> {
    return await until('etcd has a leader', patienceMs, async () => {
      for (const node of this.nodes) {
        assert.equal(node.child?.exitCode ?? null, null, `${node.name} has ended; see its log in ${this.#directory}`)
        const status = await statusOf(node)
        if (status.leader !== undefined && status.leader === status.header.member_id) return node
      }
      return undefined
    })
  }

  /** Ends every process and deletes the data. */
  async stop(): Promise<void> {
    await Promise.all(
      this.nodes.map(async ({ child }) => {
        if (child === undefined || child.exitCode !== null) return
        const ended = once(child, 'exit')
        child.kill('SIGKILL')
        await ended
      }),
    )
    await rm(this.#directory, { recursive: true, force: true })
  }

  #spawn(node: EtcdNode): void {
    const log = openSync(join(this.#directory, `${node.name}.log`), 'w')
    const peerUrl = ({ peerPort }: EtcdNode): string => `http://127.0.0.1:${peerPort}`
    const args = [
      `--name=${node.name}`,
      `--data-dir=${join(this.#directory, node.name)}`,
      `--listen-client-urls=${node.url}`,
      `--advertise-client-urls=${node.url}`,
      `--listen-peer-urls=${peerUrl(node)}`,
      `--initial-advertise-peer-urls=${peerUrl(node)}`,
      `--initial-cluster=${this.nodes.map((other) => `${other.name}=${peerUrl(other)}`).join(',')}`,
      '--initial-cluster-token=bench',
      '--logger=zap',
      '--log-level=error',
    ]
    const child = spawn('etcd', args, { stdio: ['ignore', log, log] })
    closeSync(log)
    node.child = child
    // It would outlive us.
    const end = (): void => void child.kill('SIGKILL')
    process.once('exit', end)
    child.once('exit', () => process.off('exit', end))
  }
}

async function statusOf(node: EtcdNode): Promise<{ header: { member_id: string }; leader?: string }> {
  const request = { method: 'POST', body: '{}', signal: AbortSignal.timeout(2000) }
  const response = await fetch(`${node.url}/v3/maintenance/status`, request)
  return (await response.json()) as { header: { member_id: string }; leader?: string }
}
