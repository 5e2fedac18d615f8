import type { Cluster } from '../../test/cluster/cluster.ts'
import type { Bench } from '../section.ts'
import { EtcdCluster } from './etcd-cluster.ts'
import { callOnce, etcdPaths, putMessage, rangeMessage } from './grpc.ts'
import type { H2loadRequest } from './h2load.ts'
import { startOurCluster } from './our-cluster.ts'

export const benchKey = 'bench/key'
export const benchValue = Buffer.alloc(256, 'v')

export interface ContenderNode {
  readonly pid: number
  readonly peerPort: number
  readonly isLeader: boolean
}

/** A cluster as the outside generator sees it: which request to send to its leader. */
export interface Contender {
  readonly name: 'paxos' | 'etcd'
  /** To the node that leads now. */
  request(kind: 'put' | 'get'): Promise<H2loadRequest>
  nodes(): Promise<readonly ContenderNode[]>
}

/**
 * Starts both clusters (ours only, without etcd), each with one key in it, and stops them afterwards. While one is
 * measured the other is up and idle, which costs a percent or two of a core; frozen, it would begin with an election.
 */
export async function withContenders<T>(
  bench: Bench,
  body: (contenders: readonly Contender[]) => Promise<T>,
): Promise<T> {
  const cluster = await startOurCluster(bench.directory)
  let etcd: EtcdCluster | undefined
  try {
    const contenders: Contender[] = [await ourContender(cluster)]
    if (bench.hasEtcd) {
      etcd = await EtcdCluster.start(bench.directory)
      contenders.push(await etcdContender(etcd))
    }
    return await body(contenders)
  } finally {
    await Promise.all([cluster.destroy(), etcd?.stop()])
  }
}

async function ourContender(cluster: Cluster): Promise<Contender> {
  const url = async (): Promise<string> => `${(await cluster.leader()).url}/v1/kv/${benchKey}`
  await fetch(await url(), { method: 'PUT', body: benchValue })
  return {
    name: 'paxos',
    request: async (kind) =>
      kind === 'put'
        ? { url: await url(), isHttp1: true, method: 'PUT', body: benchValue }
        : { url: await url(), isHttp1: true, method: 'GET' },
    nodes: async () => {
      const leader = await cluster.leader()
      return cluster.nodes.map((node) => ({
        pid: node.childPid ?? 0,
        peerPort: node.peerPort,
        isLeader: node === leader,
      }))
    },
  }
}

async function etcdContender(cluster: EtcdCluster): Promise<Contender> {
  const put = putMessage(benchKey, benchValue)
  const get = rangeMessage(benchKey)
  const { url } = await cluster.leader()
  await callOnce(url, etcdPaths.put, put)
  const found = await callOnce(url, etcdPaths.range, get)
  if (!Buffer.from(found).includes(benchValue)) throw new Error('etcd did not give back the value that was put')
  const headers = ['content-type: application/grpc', 'te: trailers']
  return {
    name: 'etcd',
    request: async (kind) => ({
      url: (await cluster.leader()).url + (kind === 'put' ? etcdPaths.put : etcdPaths.range),
      isHttp1: false,
      method: 'POST',
      body: kind === 'put' ? put : get,
      headers,
    }),
    nodes: async () => {
      const leader = await cluster.leader()
      return cluster.nodes.map((node) => ({
        pid: node.child?.pid ?? 0,
        peerPort: node.peerPort,
        isLeader: node === leader,
      }))
    },
  }
}
