import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cluster } from '../../test/cluster/cluster.ts'
import type { Figure } from '../figure.ts'
import type { Section } from '../section.ts'
import { withOurCluster } from '../side-by-side/our-cluster.ts'
import { paxosBench, paxosJson } from '../side-by-side/program.ts'
import { alternate, median } from '../statistics.ts'

const pipelined = ['--via', 'stream', '--in-flight', '2000']
const importedRecords = 60_000

export const streamSection: Section = {
  name: 'stream',
  summary: 'puts and gets through the client stream, and kv import beside them',
  run: (bench) =>
    withOurCluster(bench.directory, {}, async (cluster) => {
      const file = writeRecords(join(bench.directory, 'records.ndjson'))
      const measured = (workload: string): Promise<number> => measure(cluster, workload, bench.seconds)
      await measured('put')
      const [puts = [], imports = [], gets = []] = await alternate(bench.rounds, [
        () => measured('put'),
        () => importOnce(cluster, file),
        () => measured('get'),
      ])
      bench.say(`stream: ${puts.join(', ')} puts/s, import ${imports.join(', ')}/s, ${gets.join(', ')} gets/s`)
      const stream = median(puts)
      const etcd = bench.figure('puts-1000')?.other
      const figures: Figure[] = [
        {
          id: 'stream-puts',
          name: 'puts through the client stream, 2000 in flight',
          unit: '/s',
          ours: stream,
          other: etcd,
          otherName: etcd === undefined ? undefined : "etcd's puts at 1000 in flight",
          target: { text: "≥ 10 × etcd's puts", of: 'ratio', atLeast: 10 },
          detail: { rounds: puts },
        },
        {
          id: 'stream-gets',
          name: 'linearizable gets through the client stream, 2000 in flight',
          unit: '/s',
          ours: median(gets),
          detail: { rounds: gets },
        },
        {
          id: 'import',
          name: `\`kv import\` of ${importedRecords.toLocaleString('en-US')} records`,
          unit: '/s',
          ours: median(imports),
          other: stream,
          otherName: 'the stream',
          target: { text: '≥ 60 % of the stream rate', of: 'ratio', atLeast: 0.6 },
          detail: { rounds: imports },
        },
      ]
      return figures
    }),
}

async function measure(cluster: Cluster, workload: string, seconds: number): Promise<number> {
  const result = await paxosBench([workload, ...pipelined, '--duration', `${seconds}s`], cluster.endpoints)
  return result.perSecond
}

async function importOnce(cluster: Cluster, file: string): Promise<number> {
  const { recordsPerSecond } = (await paxosJson(['kv', 'import', file], cluster.endpoints)) as {
    recordsPerSecond: number
  }
  return recordsPerSecond
}

/** Values of 256 bytes, as everywhere. */
function writeRecords(path: string): string {
  const value = 'v'.repeat(256)
  const lines = Array.from({ length: importedRecords }, (_, at) =>
    JSON.stringify({ key: `import/${String(at).padStart(8, '0')}`, value }),
  )
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}
