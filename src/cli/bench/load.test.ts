import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { PaxosError } from '../../base/error.ts'
import { Load, type LoadOptions } from './load.ts'
import type { Target } from './target.ts'

/** Answers after a turn of the event loop, but what is sent in the first `standstillMs` waits for their end. */
class Stalling implements Target {
  readonly #endAt: number

  constructor(standstillMs: number) {
    this.#endAt = performance.now() + standstillMs
  }

  async run(): Promise<void> {
    await pause(Math.max(0, this.#endAt - performance.now()))
  }

  async close(): Promise<void> {}
}

async function run(options: Partial<LoadOptions>): Promise<Load> {
  const load = new Load({
    targets: [new Stalling(0)],
    inFlight: 1,
    rate: undefined,
    warmUpMs: 0,
    durationMs: 300,
    signal: new AbortController().signal,
    next: () => ({ kind: 'put', key: 'k' }),
    ...options,
  })
  await load.run()
  return load
}

test('a closed loop waits for each answer, so that a standstill is one slow request', async () => {
  const load = await run({ targets: [new Stalling(150)] })
  const latency = load.latency.get('put')
  assert.ok(latency !== undefined && latency.max >= 140_000, `the slowest took ${latency?.max} µs`)
  // One answer in many was slow; corrected, half of the time was slow.
  const corrected = latency.correctedFor(latency.percentile(50))
  assert.ok(corrected.percentile(75) > 40_000, `corrected: ${corrected.percentile(75)} µs`)
})

test('at a rate, requests that were due during a standstill count from when they were due', async () => {
  const load = await run({ targets: [new Stalling(150)], rate: 1000 })
  const latency = load.latency.get('put')
  assert.ok(latency !== undefined)
  // Those that were due in the first 100 of 300 ms waited 50 ms or more.
  assert.ok(latency.percentile(75) >= 50_000, `p75 ${latency.percentile(75)} µs`)
  assert.ok(load.lateness.max >= 100_000)
})

test('what is due and cannot be sent by the end is counted, and waited at least until then', async () => {
  const load = await run({ targets: [new Stalling(200)], rate: 1000, durationMs: 150 })
  assert.ok(load.unsent.count >= 140, `${load.unsent.count} unsent`)
  assert.ok(load.unsent.max >= 140_000)
})

test('a rate is kept, and not exceeded', async () => {
  const load = await run({ inFlight: 8, rate: 400, durationMs: 500 })
  assert.ok(load.done <= 200, `${load.done} done`)
  assert.equal((load.latency.get('put')?.count ?? 0) + load.unsent.count, 200)
})

test('the warm-up is not measured', async () => {
  let sent = 0
  const next = (): { kind: 'put'; key: string } => {
    sent++
    return { kind: 'put', key: 'k' }
  }
  const load = await run({ warmUpMs: 200, durationMs: 100, rate: 500, next })
  assert.equal((load.latency.get('put')?.count ?? 0) + load.unsent.count, 50)
  assert.ok(sent > 50, `${sent} sent`)
})

test('errors are counted by code, and are not in the latencies', async () => {
  const failing: Target = {
    run: () => Promise.reject(new PaxosError('OVERLOADED', 'too much')),
    close: () => Promise.resolve(),
  }
  const load = await run({ targets: [failing], inFlight: 4 })
  assert.ok(load.failed >= 4)
  assert.equal(load.errors.get('OVERLOADED')?.times, load.failed)
  assert.equal(load.errors.get('OVERLOADED')?.message, 'too much')
  assert.deepEqual([load.done, load.latency.size], [0, 0])
})

test('a bug of the generator is not taken for an error of the cluster', async () => {
  const broken: Target = { run: () => Promise.reject(new TypeError('broken')), close: () => Promise.resolve() }
  await assert.rejects(run({ targets: [broken] }), TypeError)
})

test('stopped early, it ends at once and counts the time that it had', async () => {
  const stop = new AbortController()
  const began = performance.now()
  setTimeout(() => stop.abort(), 100)
  const load = await run({ durationMs: 60_000, rate: 1, signal: stop.signal })
  assert.ok(performance.now() - began < 30_000)
  assert.ok(load.seconds < 30 && load.seconds >= 0.09, `${load.seconds} s`)
})
