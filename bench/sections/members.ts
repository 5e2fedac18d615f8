import type { Cluster } from '../../test/cluster/cluster.ts'
import type { Figure } from '../figure.ts'
import type { Bench, Section } from '../section.ts'
import { benchKey, benchValue } from '../side-by-side/contenders.ts'
import { h2load } from '../side-by-side/h2load.ts'
import { withOurCluster } from '../side-by-side/our-cluster.ts'
import { paxosBench } from '../side-by-side/program.ts'
import { alternate, median } from '../statistics.ts'

export const membersSection: Section = {
  name: 'members',
  summary: 'five nodes against three',
  run: (bench) =>
    withOurCluster(bench.directory, { nodes: 3 }, (three) =>
      withOurCluster(bench.directory, { nodes: 5 }, async (five) => {
        const [http3, http5] = await rounds(bench, [() => overHttp(bench, three), () => overHttp(bench, five)])
        const [stream3, stream5] = await rounds(bench, [() => overStream(bench, three), () => overStream(bench, five)])
        return [
          figure('members-http', 'puts over HTTP, 1000 in flight: five nodes against three', http5, http3),
          figure('members-stream', 'puts through the stream: five nodes against three', stream5, stream3),
        ]
      }),
    ),
}

/** Medians, after one round that is not counted. */
async function rounds(bench: Bench, contenders: readonly (() => Promise<number>)[]): Promise<readonly number[]> {
  await alternate(1, contenders)
  return (await alternate(bench.rounds, contenders)).map(median)
}

/** By h2load if it is there, so that the generator costs little. */
async function overHttp(bench: Bench, cluster: Cluster): Promise<number> {
  const { seconds } = bench
  if (!bench.hasH2load) {
    const args = ['put', '--via', 'http', '--in-flight', '1000', '--duration', `${seconds}s`]
    return (await paxosBench(args, cluster.endpoints)).perSecond
  }
  const { url } = await cluster.leader()
  const request = { url: `${url}/v1/kv/${benchKey}`, isHttp1: true, method: 'PUT', body: benchValue } as const
  return (await h2load(request, { connections: 1000, streams: 1, seconds })).perSecond
}

async function overStream({ seconds }: Bench, cluster: Cluster): Promise<number> {
  const args = ['put', '--in-flight', '2000', '--duration', `${seconds}s`]
  return (await paxosBench(args, cluster.endpoints)).perSecond
}

function figure(id: string, name: string, ours = 0, three = 0): Figure {
  return {
    id,
    name,
    unit: '/s',
    ours,
    other: three,
    otherName: 'three nodes',
    target: { text: '≥ 0.6 ×', of: 'ratio', atLeast: 0.6 },
  }
}
