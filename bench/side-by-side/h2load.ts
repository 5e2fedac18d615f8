import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { percentile } from '../statistics.ts'

/** What is sent all the time, and how. */
export interface H2loadRequest {
  readonly url: string
  readonly isHttp1: boolean
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly body?: Uint8Array
  readonly headers?: readonly string[]
}

export interface H2loadShape {
  readonly connections: number
  /** Under way at once on each connection. */
  readonly streams: number
  /** Either a time or a number of requests. */
  readonly seconds?: number
  readonly requests?: number
  /** Requests a second in all. Every connection sends its share in step with the others: they come in bursts. */
  readonly rate?: number | undefined
}

export interface H2loadResult {
  readonly requests: number
  readonly perSecond: number
  /** Milliseconds, from sending to the whole answer. */
  readonly p50: number
  readonly p99: number
}

/** Memory, where there is a file system in it: the log must not load the disk that is measured. */
const logParent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/**
 * A connection that is opened after the end never ends, and with a thousand at once some are refused at first and tried
 * again a second later (h2load 1.52). So there is time for that before the measurement.
 */
const warmUpSeconds = 2
const patienceMs = 60_000

/** One run of h2load, on one thread. Throws when a request failed. */
export async function h2load(request: H2loadRequest, shape: H2loadShape): Promise<H2loadResult> {
  const directory = await mkdtemp(join(logParent, 'h2load-'))
  const clean = (): void => rmSync(directory, { recursive: true, force: true })
  process.once('exit', clean)
  try {
    const bodyFile = join(directory, 'body')
    const logFile = join(directory, 'log')
    if (request.body !== undefined) await writeFile(bodyFile, request.body)
    const args = [...argumentsOf(request, shape, bodyFile), `--log-file=${logFile}`, request.url]
    const output = await run(args, ((shape.seconds ?? 0) + warmUpSeconds) * 1000 + patienceMs)
    return readResult(output, await readFile(logFile, 'latin1'))
  } finally {
    process.off('exit', clean)
    clean()
  }
}

function argumentsOf(request: H2loadRequest, shape: H2loadShape, bodyFile: string): string[] {
  const { connections, streams, seconds, requests, rate } = shape
  return [
    ...(request.isHttp1 ? ['--h1'] : []),
    `-c${connections}`,
    `-m${streams}`,
    ...(seconds === undefined ? [`-n${requests ?? connections}`] : [`-D${seconds}`, `--warm-up-time=${warmUpSeconds}`]),
    ...(rate === undefined ? [] : [`--rps=${Math.max(1, Math.round(rate / connections))}`]),
    ...(request.body === undefined ? [] : [`-d${bodyFile}`]),
    ...(request.method === 'PUT' ? ['-H:method: PUT'] : []),
    ...(request.headers ?? []).map((header) => `-H${header}`),
  ]
}

async function run(args: readonly string[], timeoutMs: number): Promise<string> {
  const child = spawn('h2load', args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' })
  const end = (): void => void child.kill('SIGKILL')
  process.once('exit', end)
  const [output, errors, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  process.off('exit', end)
  assert.equal(status, 0, `h2load ${args.join(' ')}\n${output}${errors}`)
  return output
}

function readResult(output: string, log: string): H2loadResult {
  const perSecond = Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(output)?.[1])
  const [, done, succeeded] = /(\d+) done, (\d+) succeeded/.exec(output) ?? []
  const [, failed, errored] = /(\d+) failed, (\d+) errored/.exec(output) ?? []
  const [, good] = /status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx/.exec(output) ?? []
  // An answer that comes as the time ends has a status, and is not counted as done.
  const areGood = Number(good) >= Number(done)
  assert.ok(perSecond > 0 && done === succeeded && areGood && failed === '0' && errored === '0', output)
  const microseconds = Float64Array.from(latencies(log)).sort()
  return {
    requests: Number(done),
    perSecond,
    p50: percentile(microseconds, 50) / 1000,
    p99: percentile(microseconds, 99) / 1000,
  }
}

/** Third column of the log: microseconds until the end of the answer. */
function latencies(log: string): number[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number(line.slice(line.lastIndexOf('\t') + 1)))
}
