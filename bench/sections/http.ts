import type { Figure, Target } from '../figure.ts'
import type { Bench, Section } from '../section.ts'
import { type Contender, withContenders } from '../side-by-side/contenders.ts'
import { type H2loadResult, type H2loadShape, h2load } from '../side-by-side/h2load.ts'
import { alternate, median } from '../statistics.ts'

type Kind = 'put' | 'get'

interface Measurement {
  readonly kind: Kind
  /** Of ours and of etcd: HTTP/1.1 has a connection for each request in flight, HTTP/2 carries ten on one. */
  readonly ours: H2loadShape
  readonly etcd: H2loadShape
}

function inFlight(kind: Kind, requests: number, seconds: number, rate?: number): Measurement {
  const streams = Math.min(10, requests)
  return {
    kind,
    ours: { connections: requests, streams: 1, seconds, rate },
    etcd: { connections: requests / streams, streams, seconds, rate },
  }
}

/** HTTP/1.1 can have several gets under way on a connection too; h2load never has several requests with a body. */
const sharedGets = (seconds: number): Measurement => {
  const shape = { connections: 100, streams: 10, seconds }
  return { kind: 'get', ours: shape, etcd: shape }
}

/** The same connections for both, so that the bursts of a rate are the same. */
function atRate(rate: number, seconds: number): Measurement {
  const connections = 200
  return {
    kind: 'put',
    ours: { connections, streams: 1, seconds, rate },
    etcd: { connections, streams: 10, seconds, rate },
  }
}

const targets = {
  puts1000: { text: '≥ 2.5 × etcd', of: 'ratio', atLeast: 2.5 },
  puts100: { text: '≥ 2 × etcd', of: 'ratio', atLeast: 2 },
  lone: { text: '≤ 1.0 × etcd', of: 'ratio', atMost: 1 },
  tail: { text: '≤ 0.7 × etcd', of: 'ratio', atMost: 0.7 },
  gets: { text: '≥ 3 × etcd', of: 'ratio', atLeast: 3 },
} as const satisfies Record<string, Target>

export const httpSection: Section = {
  name: 'http',
  summary: 'puts and gets over HTTP, side by side with etcd, driven by h2load',
  async run(bench) {
    if (!bench.hasH2load) {
      bench.say('h2load is not installed: no figures over HTTP from an outside generator')
      return []
    }
    return await withContenders(bench, (contenders) => measureAll(bench, contenders))
  },
}

async function measureAll(bench: Bench, contenders: readonly Contender[]): Promise<readonly Figure[]> {
  const { seconds } = bench
  const measure = (name: string, measurement: Measurement): Promise<Measured> =>
    run(bench, contenders, name, measurement)
  await measure('warming up', inFlight('put', 1000, Math.min(3, seconds)))
  const thousand = await measure('puts, 1000 in flight', inFlight('put', 1000, seconds))
  const hundred = await measure('puts, 100 in flight', inFlight('put', 100, seconds))
  const lone = await measure('puts, one client', inFlight('put', 1, seconds))
  const gets = await measure('gets, 1000 in flight', inFlight('get', 1000, seconds))
  const shared = await measure('gets, 1000 in flight on 100 connections', sharedGets(seconds))
  const figures = [
    rate('puts-1000', 'puts over HTTP, 1000 in flight', thousand, targets.puts1000),
    rate('puts-100', 'puts over HTTP, 100 in flight', hundred, targets.puts100),
    latency('put-lone', 'lone client put latency, median', lone, 'p50', targets.lone),
    latency('puts-1000-p99', 'p99 of puts at 1000 in flight', thousand, 'p99', targets.tail),
    rate('gets-1000', 'linearizable gets over HTTP, 1000 in flight', gets, targets.gets),
    latency('gets-1000-p99', 'p99 of those gets', gets, 'p99'),
    rate('gets-shared', 'the same with ten at once on each of 100 connections, to both', shared, targets.gets),
    latency('gets-shared-p99', 'p99 of those gets', shared, 'p99'),
  ]
  const peak = figures[0]?.other
  if (peak !== undefined) {
    const half = await measure(`puts at ${Math.round(peak / 2)}/s`, atRate(peak / 2, seconds))
    figures.splice(4, 0, latency('puts-half-p99', "p99 of puts at half of etcd's peak rate", half, 'p99', targets.tail))
  }
  return figures
}

type Measured = readonly (readonly H2loadResult[])[]

async function run(
  bench: Bench,
  contenders: readonly Contender[],
  name: string,
  measurement: Measurement,
): Promise<Measured> {
  const results = await alternate(
    name === 'warming up' ? 1 : bench.rounds,
    contenders.map((contender) => async () => {
      const shape = contender.name === 'etcd' ? measurement.etcd : measurement.ours
      return await h2load(await contender.request(measurement.kind), shape)
    }),
  )
  for (const [at, rounds] of results.entries()) {
    const of = (pick: (result: H2loadResult) => number): number => median(rounds.map(pick))
    bench.say(
      `${name}, ${contenders[at]?.name}: ${Math.round(of(({ perSecond }) => perSecond))}/s, ` +
        `p50 ${of(({ p50 }) => p50).toFixed(2)} ms, p99 ${of(({ p99 }) => p99).toFixed(2)} ms`,
    )
  }
  return results
}

function rate(id: string, name: string, measured: Measured, target: Target): Figure {
  return figure(id, name, '/s', measured, ({ perSecond }) => perSecond, target)
}

function latency(id: string, name: string, measured: Measured, which: 'p50' | 'p99', target?: Target): Figure {
  return figure(id, name, 'ms', measured, (result) => result[which], target)
}

function figure(
  id: string,
  name: string,
  unit: string,
  [ours = [], etcd]: Measured,
  pick: (result: H2loadResult) => number,
  target: Target | undefined,
): Figure {
  return {
    id,
    name,
    unit,
    ours: median(ours.map(pick)),
    ...(etcd !== undefined && { other: median(etcd.map(pick)), otherName: 'etcd' }),
    target,
    detail: { ours: ours.map(pick), ...(etcd !== undefined && { etcd: etcd.map(pick) }) },
  }
}
