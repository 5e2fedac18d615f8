import type { Cluster } from '../../test/cluster/cluster.ts'
import type { Figure } from '../figure.ts'
import type { Bench, Section } from '../section.ts'
import { createOurCluster } from '../side-by-side/our-cluster.ts'
import { paxosBench } from '../side-by-side/program.ts'

type Settings = Readonly<Record<string, string | number>>

interface Experiment {
  readonly id: string
  readonly question: string
  /** Round trips between the members, in milliseconds. */
  readonly roundTrips: readonly number[]
  /** The first is the default, and what the others are compared with. */
  readonly variants: readonly Settings[]
  /** Arguments of `paxos bench`. */
  readonly load: readonly string[]
}

const manyInFlight = ['put', '--in-flight', '4000']
const far = { heartbeatMs: 300, electionTimeoutMs: 2000 }

const experiments: readonly Experiment[] = [
  {
    id: 'pipeline',
    question: 'slots open at once, small puts, 4000 in flight',
    roundTrips: [0, 20, 100],
    variants: [{}, { 'limits.pipelineSlotsMax': 2 }, { 'limits.pipelineSlotsMax': 32 }],
    load: manyInFlight,
  },
  {
    id: 'batch',
    question: 'bytes in a slot, values of 4 KiB, 2000 in flight',
    roundTrips: [0, 20],
    variants: [{}, { 'limits.batchBytesMax': '64KiB' }, { 'limits.batchBytesMax': '2MiB' }],
    load: ['put', '--in-flight', '2000', '--value-bytes', '4096'],
  },
  {
    id: 'lease-lone',
    question: 'reads by lease, one client alone',
    roundTrips: [0, 20, 100],
    variants: [{}, { leaseMs: 1000, ...far }],
    load: ['get', '--in-flight', '1'],
  },
  {
    id: 'lease-many',
    question: 'reads by lease, 1000 in flight',
    roundTrips: [0],
    variants: [{}, { leaseMs: 1000, ...far }],
    load: ['get', '--in-flight', '1000'],
  },
  {
    id: 'timeouts',
    question: 'timeouts of a wide network, 100 puts in flight',
    roundTrips: [0, 100, 300],
    variants: [{}, far],
    load: ['put', '--in-flight', '100'],
  },
  {
    id: 'state-flush',
    question: 'how long applied changes gather, puts of 10,000 keys through the stream, 2000 in flight',
    roundTrips: [0],
    variants: [
      {},
      { 'limits.stateFlushMs': 100 },
      { 'limits.stateFlushBytes': '16MiB' },
      { 'limits.stateFlushBytes': '64MiB', 'limits.stateFlushMs': 5000 },
    ],
    load: ['put', '--via', 'stream', '--in-flight', '2000'],
  },
]

export const tuningSection: Section = {
  name: 'tuning',
  summary: 'what settings change, at several round trips between the members',
  isLong: true,
  async run(bench) {
    const figures: Figure[] = []
    for (const experiment of experiments) {
      for (const roundTripMs of experiment.roundTrips) {
        let baseline: number | undefined
        for (const settings of experiment.variants) {
          const figure = await measure(bench, experiment, roundTripMs, settings, baseline)
          baseline ??= figure.ours
          figures.push(figure)
          bench.say(`${figure.name}: ${Math.round(figure.ours)}/s ${JSON.stringify(figure.detail)}`)
        }
      }
    }
    return figures
  },
}

async function measure(
  bench: Bench,
  experiment: Experiment,
  roundTripMs: number,
  settings: Settings,
  baseline: number | undefined,
): Promise<Figure> {
  const { id, question, load } = experiment
  const changed = Object.entries(settings).map(([name, value]) => `${name.replace('limits.', '')} ${value}`)
  const which = changed.length === 0 ? 'defaults' : changed.join(', ')
  const { perSecond, ...outcome } = await run(bench, load, roundTripMs, settings)
  return {
    id: `tuning-${id}-${roundTripMs}-${which}`,
    name: `${question}; ${roundTripMs} ms; ${which}`,
    unit: '/s',
    ours: perSecond,
    ...(baseline !== undefined && { other: baseline, otherName: 'defaults' }),
    detail: { question, roundTripMs, settings: which, ...outcome },
  }
}

interface Outcome {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly elections: number
  readonly errors: Readonly<Record<string, number>>
  /** False when the members did not get along at all. */
  readonly serves: boolean
}

async function run(bench: Bench, load: readonly string[], roundTripMs: number, settings: Settings): Promise<Outcome> {
  // Without a delay there is no proxy either: it would cost processor time on the machine that is measured.
  const delay = roundTripMs === 0 ? {} : { delayMs: roundTripMs / 2 }
  const cluster = await createOurCluster(bench.directory, { settings, ...delay })
  try {
    const serves = await cluster.startAll().then(
      () => true,
      (error: Error) => {
        bench.say(error.message)
        return false
      },
    )
    if (!serves) return { perSecond: 0, p50: 0, p99: 0, elections: 0, errors: {}, serves }
    const before = await round(cluster)
    const { perSecond, latencyMs, errors } = await paxosBench(
      [...load, '--duration', `${bench.seconds}s`],
      cluster.endpoints,
    )
    const elections = (await round(cluster)) - before
    return { perSecond, p50: latencyMs.p50, p99: latencyMs.p99, elections, errors, serves }
  } finally {
    await cluster.destroy()
  }
}

/** Every election has a round of its own. */
async function round(cluster: Cluster): Promise<number> {
  return await (await cluster.leader()).metric('paxos_ballot_round')
}
