import { Cluster } from '../../test/cluster/cluster.ts'

export interface OurClusterOptions {
  readonly nodes?: number
  /** Beyond the defaults, which are what is measured otherwise. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** Milliseconds that a message between members takes longer, one way. */
  readonly delayMs?: number
}

/** Our nodes as an operator starts them: the compiled binary, a process each, default settings. Not started yet. */
export async function createOurCluster(parent: string, options: OurClusterOptions = {}): Promise<Cluster> {
  const { nodes = 3, settings = {}, delayMs } = options
  const cluster = await Cluster.create({ parent, nodes, settings, timings: 'shipped', proxied: delayMs !== undefined })
  const names = cluster.nodes.map(({ name }) => name)
  for (const from of names) for (const to of names) cluster.proxy?.delay(from, to, delayMs ?? 0)
  return cluster
}

export async function startOurCluster(parent: string, options: OurClusterOptions = {}): Promise<Cluster> {
  const cluster = await createOurCluster(parent, options)
  try {
    await cluster.startAll()
    return cluster
  } catch (error) {
    await cluster.destroy()
    throw error
  }
}

/** Runs `body` on a started cluster, and stops it whatever happens. */
export async function withOurCluster<T>(
  parent: string,
  options: OurClusterOptions,
  body: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const cluster = await startOurCluster(parent, options)
  try {
    return await body(cluster)
  } finally {
    await cluster.destroy()
  }
}
