import type { Cluster } from '../../test/cluster/cluster.ts'
import type { Section } from '../section.ts'
import { withOurCluster } from '../side-by-side/our-cluster.ts'
import { fill, keySpace, putsPerSecond } from '../side-by-side/own-load.ts'
import { alternate, median } from '../statistics.ts'

const fewKeys = 10_000
const inFlight = 2000

export const keysSection: Section = {
  name: 'keys',
  summary: 'many keys present against few, puts all over them',
  isLong: true,
  run: (bench) =>
    withOurCluster(bench.directory, {}, (few) =>
      withOurCluster(bench.directory, {}, async (many) => {
        const prepare = async (cluster: Cluster, keys: number): Promise<() => Promise<number>> => {
          const space = keySpace(keys)
          const began = performance.now()
          await fill(cluster.endpoints, space, 256)
          bench.say(`${keys} keys in ${((performance.now() - began) / 1000).toFixed(1)} s`)
          return () => putsPerSecond(cluster.endpoints, { space, seconds: bench.seconds, inFlight })
        }
        const contenders = [await prepare(few, fewKeys), await prepare(many, bench.manyKeys)]
        await alternate(1, contenders)
        const [withFew = [], withMany = []] = await alternate(bench.rounds, contenders)
        return [
          {
            id: 'keys',
            name: `puts through the stream with ${bench.manyKeys.toLocaleString('en-US')} keys present`,
            unit: '/s',
            ours: median(withMany),
            other: median(withFew),
            otherName: `${fewKeys.toLocaleString('en-US')} keys`,
            target: { text: '≥ 0.7 ×', of: 'ratio', atLeast: 0.7 },
            detail: { withFew, withMany },
          },
        ]
      }),
    ),
}
