import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster } from '../../test/cluster/cluster.ts'
import type { Figure, Target } from '../figure.ts'
import type { Section } from '../section.ts'
import { withOurCluster } from '../side-by-side/our-cluster.ts'
import { keySpace, startPuts } from '../side-by-side/own-load.ts'
import { processFigures } from '../side-by-side/process-figures.ts'
import { median } from '../statistics.ts'

/** Enough of the history limit's worth of writes goes by in the first of them that compaction is at work in the others. */
const windows = 20
const compared = 5
const inFlight = 256

interface Sample {
  readonly perSecond: number
  /** Highest of the nodes. */
  readonly residentMiB: number
  readonly fileMiB: number
}

const flat: Target = { text: 'flat (≤ 1.1 ×)', of: 'ratio', atMost: 1.1 }

export const soakSection: Section = {
  name: 'soak',
  summary: 'constant load with compaction: throughput, memory and files at the end against the beginning',
  isLong: true,
  run: (bench) =>
    withOurCluster(bench.directory, {}, async (cluster) => {
      const seconds = bench.soakMinutes * 60
      const stop = new AbortController()
      const options = { space: keySpace(10_000), seconds: 2 * seconds, inFlight, signal: stop.signal }
      const { load, done } = startPuts(cluster.endpoints, options)
      const began = performance.now()
      const samples: Sample[] = []
      let mark = { at: began, total: 0 }
      for (let window = 0; window < windows; window++) {
        await pause(began + ((window + 1) * seconds * 1000) / windows - performance.now())
        const now = performance.now()
        const perSecond = ((load.total - mark.total) * 1000) / (now - mark.at)
        mark = { at: now, total: load.total }
        const sample = { perSecond, ...(await sizesOf(cluster)) }
        samples.push(sample)
        bench.say(
          `soak ${window + 1}/${windows}: ${Math.round(perSecond)}/s, ` +
            `${sample.residentMiB.toFixed(0)} MiB of memory, files ${sample.fileMiB.toFixed(0)} MiB`,
        )
      }
      stop.abort()
      await done
      return figuresOf(samples, bench.soakMinutes)
    }),
}

/** The first window is for warming up. */
function figuresOf(samples: readonly Sample[], minutes: number): Figure[] {
  const early = samples.slice(1, 1 + compared)
  const late = samples.slice(-compared)
  const figure = (id: string, name: string, unit: string, of: (sample: Sample) => number, target: Target): Figure => ({
    id,
    name: `${name} at the end of ${minutes} minutes of puts, 256 in flight`,
    unit,
    ours: median(late.map(of)),
    other: median(early.map(of)),
    otherName: 'the beginning',
    target,
    detail: { windows: samples.map((sample) => Math.round(of(sample))) },
  })
  const steady: Target = { text: '≥ 0.95 ×', of: 'ratio', atLeast: 0.95 }
  return [
    figure('soak-rate', 'throughput', '/s', ({ perSecond }) => perSecond, steady),
    figure('soak-memory', 'resident memory', 'MiB', ({ residentMiB }) => residentMiB, flat),
    figure('soak-files', 'files', 'MiB', ({ fileMiB }) => fileMiB, flat),
  ]
}

async function sizesOf(cluster: Cluster): Promise<Omit<Sample, 'perSecond'>> {
  const sizes = await Promise.all(
    cluster.nodes.map(async (node) => {
      const { residentBytes } = await processFigures(node.childPid ?? 0)
      const acceptor = await node.metric('paxos_store_size_bytes{store="acceptor"}')
      const state = await node.metric('paxos_store_size_bytes{store="state"}')
      return { resident: residentBytes, files: acceptor + state }
    }),
  )
  return {
    residentMiB: Math.max(...sizes.map(({ resident }) => resident)) / 2 ** 20,
    fileMiB: Math.max(...sizes.map(({ files }) => files)) / 2 ** 20,
  }
}
