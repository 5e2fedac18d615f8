import { count, fields } from '../output.ts'
import type { BenchmarkOptions } from './benchmark.ts'
import { Histogram } from './histogram.ts'
import type { Load } from './load.ts'
import type { OperationKind } from './workload.ts'

export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
  readonly mean: number
}

export interface BenchmarkResult
  extends Pick<
    BenchmarkOptions,
    'workload' | 'via' | 'clients' | 'inFlight' | 'keys' | 'keyBytes' | 'valueBytes' | 'distribution' | 'consistency'
  > {
  /** Requests a second that were to be sent; null in a closed loop. */
  readonly rate: number | null
  /** Part of the requests that read, in a mixed workload. */
  readonly readShare: number
  /** The name of the leader when it began. */
  readonly leader: string | null
  readonly prefix: string
  readonly seconds: number
  readonly requests: number
  readonly perSecond: number
  readonly failed: number
  /** How many, by code. */
  readonly errors: Readonly<Record<string, number>>
  /** The first message of each code. */
  readonly errorMessages: Readonly<Record<string, string>>
  /** Due and never sent: the rate is more than what is possible. */
  readonly unsent: number
  /** Milliseconds. With a rate, from the intended start of each request, so that waiting for a late one counts. */
  readonly latencyMs: Percentiles
  /** In a closed loop: as if each client had sent its next request after the median latency, answered or not. */
  readonly correctedMs: Percentiles | null
  readonly operations: Readonly<Partial<Record<OperationKind, { readonly requests: number } & Percentiles>>>
  /** With a rate: how late the requests went out. */
  readonly latenessMs: Percentiles | null
  /** 0..1: how busy this process was. Near 1, the load generator is what was measured. */
  readonly generatorBusy: number
  readonly interrupted: boolean
  /** Keys below the prefix could not be deleted. */
  readonly keysLeft: boolean
}

export function resultOf(
  options: BenchmarkOptions,
  load: Load,
  rest: Pick<BenchmarkResult, 'leader' | 'prefix' | 'generatorBusy' | 'interrupted' | 'keysLeft'>,
): BenchmarkResult {
  const { workload, via, clients, inFlight, keys, keyBytes, valueBytes, distribution, consistency, readShare } = options
  const all = new Histogram()
  for (const histogram of load.latency.values()) all.add(histogram)
  all.add(load.unsent)
  const seconds = load.seconds
  return {
    ...{ workload, via, clients, inFlight, keys, keyBytes, valueBytes, distribution, consistency, readShare },
    rate: options.rate ?? null,
    ...rest,
    seconds: Math.round(seconds * 1000) / 1000,
    requests: load.done,
    perSecond: Math.round(load.done / Math.max(seconds, 0.001)),
    failed: load.failed,
    errors: Object.fromEntries([...load.errors].map(([code, { times }]) => [code, times])),
    errorMessages: Object.fromEntries([...load.errors].map(([code, { message }]) => [code, message])),
    unsent: load.unsent.count,
    latencyMs: percentiles(all),
    correctedMs: options.rate === undefined ? percentiles(all.correctedFor(Math.max(1, all.percentile(50)))) : null,
    operations: Object.fromEntries(
      [...load.latency].map(([kind, histogram]) => [kind, { requests: histogram.count, ...percentiles(histogram) }]),
    ),
    latenessMs: options.rate === undefined ? null : percentiles(load.lateness),
  }
}

/** Milliseconds from microseconds. */
function percentiles(histogram: Histogram): Percentiles {
  const at = (percent: number): number => histogram.percentile(percent) / 1000
  const mean = Math.round(histogram.mean) / 1000
  return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: histogram.max / 1000, mean }
}

export function renderResult(result: BenchmarkResult): string {
  const { workload, via, leader, clients, inFlight, keys, keyBytes, valueBytes, distribution, rate } = result
  const to = leader === null ? '' : `, leader ${leader}`
  const lines: (readonly [string, string])[] = [
    ['load', `${workload} through ${via === 'http' ? 'HTTP' : 'the client stream'}${to}`],
    ['clients', `${clients} with ${inFlight} in flight each, ${rate === null ? 'closed loop' : `${rate}/s wanted`}`],
    ['keys', `${keys.toLocaleString('en-US')} of ${keyBytes} bytes, ${distribution}, values of ${valueBytes} bytes`],
    ['requests', `${count(result.requests, 'request')} in ${result.seconds} s, ${perSecond(result.perSecond)}`],
    ...describeErrors(result),
    ['latency', describe(result.latencyMs)],
  ]
  if (result.correctedMs !== null) lines.push(['corrected', describe(result.correctedMs)])
  const kinds = Object.entries(result.operations)
  if (kinds.length > 1) {
    for (const [kind, operation] of kinds) lines.push([`  ${kind}`, `${describe(operation)}, ${operation.requests}`])
  }
  if (result.latenessMs !== null) lines.push(['sent late by', describe(result.latenessMs)])
  if (result.unsent > 0) lines.push(['not sent', describeUnsent(result)])
  lines.push(['generator', `busy ${Math.round(result.generatorBusy * 100)} % of the time`])
  return fields(lines)
}

function describe({ p50, p90, p99, p999, max }: Percentiles): string {
  return `p50 ${ms(p50)}, p90 ${ms(p90)}, p99 ${ms(p99)}, p99.9 ${ms(p999)}, max ${ms(max)}`
}

/** A request or two may have been due just as it ended. */
function describeUnsent({ unsent, requests }: BenchmarkResult): string {
  const why = unsent > requests / 100 ? ': the rate is more than what is possible' : ''
  return `${count(unsent, 'request')} by the end${why}`
}

function describeErrors({ errors, errorMessages }: BenchmarkResult): [name: string, text: string][] {
  const codes = Object.entries(errors)
  if (codes.length === 0) return [['errors', 'none']]
  return codes.map(([code, times], at) => [
    at === 0 ? 'errors' : '',
    `${times.toLocaleString('en-US')} ${code}, the first: ${errorMessages[code]}`,
  ])
}

/** Three digits that count. */
export function ms(value: number): string {
  return `${Number(value.toPrecision(3))} ms`
}

function perSecond(rate: number): string {
  return `${rate.toLocaleString('en-US')}/s`
}
