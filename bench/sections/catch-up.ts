import assert from 'node:assert/strict'
import type { Histogram } from '../../src/cli/bench/histogram.ts'
import type { Section } from '../section.ts'
import { createOurCluster } from '../side-by-side/our-cluster.ts'
import { fill, keySpace, startPuts } from '../side-by-side/own-load.ts'

const valueBytes = 1024
/** Puts a second meanwhile: load, but less than the cluster takes. */
const rate = 1000
const patienceMs = 600_000

export const catchUpSection: Section = {
  name: 'catch-up',
  summary: 'how fast a member that was never there gets the state, under load',
  isLong: true,
  async run(bench) {
    const cluster = await createOurCluster(bench.directory)
    try {
      const [first, second, third] = cluster.nodes
      assert.ok(first !== undefined && second !== undefined && third !== undefined)
      const running = [first, second]
      const endpoints = running.map((node) => node.url)
      await cluster.startAll(running)
      const space = keySpace((bench.stateMiB * 2 ** 20) / valueBytes)
      await fill(endpoints, space, valueBytes)
      const before = startPuts(endpoints, { space, seconds: bench.seconds, inFlight: 256, rate })
      await before.done
      const stop = new AbortController()
      const during = startPuts(endpoints, {
        space,
        seconds: patienceMs / 1000,
        inFlight: 256,
        rate,
        signal: stop.signal,
      })
      const began = performance.now()
      third.start()
      await cluster.ready([third], patienceMs)
      const seconds = (performance.now() - began) / 1000
      stop.abort()
      await during.done
      const installed = await third.metric('paxos_snapshots_installed_total')
      const p99 = (histogram: Histogram | undefined): number => (histogram?.percentile(99) ?? 0) / 1000
      const meanwhile = `${rate} puts/s from the clients`
      return [
        {
          id: 'catch-up',
          name: `an empty member gets ${bench.stateMiB} MiB of state, with ${meanwhile}, from its start until it serves`,
          unit: 'MiB/s',
          ours: bench.stateMiB / seconds,
          // A small state is still in the log, and comes from there.
          detail: { seconds, bySnapshot: installed > 0 },
        },
        {
          id: 'catch-up-p99',
          name: 'p99 of those puts meanwhile',
          unit: 'ms',
          ours: p99(during.load.latency.get('put')),
          other: p99(before.load.latency.get('put')),
          otherName: 'before',
        },
      ]
    } finally {
      await cluster.destroy()
    }
  },
}
