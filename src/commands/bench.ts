import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import type { BenchmarkResult } from '../cli/bench/result.ts'
import { ClusterCommand } from '../cli/cluster-command.ts'
import { duration } from '../cli/flags.ts'

export default class Bench extends ClusterCommand {
  static override summary = 'Put load on a running cluster and measure it.'
  static override description =
    `put and get take one key at a time; mixed draws between them; txn writes two keys if the first exists. Keys lie below a prefix of their own, paxos-bench/…, and are deleted at the end and after Ctrl-C; their history stays until it is compacted.

Without --rate it is a closed loop: each client sends its next request when an answer has come, so that a standstill holds back the very requests that would have met it. The line "corrected" adds them, as if each client had gone on at its median pace. With --rate, latency counts from when a request was due, not from when it went out. Percentiles are those of requests without an error.

The generator is one process. If it says that it was busy all the time, it is what was measured: run several at once.`

  static override examples = [
    '<%= config.bin %> <%= command.id %> put --via http --in-flight 1000 --duration 30s',
    '<%= config.bin %> <%= command.id %> get --stale --spread --clients 3',
    '<%= config.bin %> <%= command.id %> mixed --reads 90 --distribution zipf --rate 5000 --json',
  ]

  static override args = {
    workload: Args.string({
      options: ['put', 'get', 'mixed', 'txn'],
      description: 'What to do all the time.',
      default: 'put',
      ignoreStdin: true,
    }),
  }

  static override flags = {
    via: Flags.option({
      options: ['stream', 'http'] as const,
      default: 'stream' as const,
      summary: 'The client library, or HTTP with a kept-alive connection for each request in flight.',
    })(),
    clients: Flags.integer({ summary: 'Clients, each with connections of its own.', min: 1, max: 1000, default: 1 }),
    'in-flight': Flags.integer({ summary: 'Requests under way for each client.', min: 1, max: 65_536, default: 256 }),
    rate: Flags.integer({ summary: 'Requests a second in all, answered or not.', min: 1, max: 10_000_000 }),
    duration: duration({ summary: 'How long to measure [default: 10s].', min: 100 }),
    'warm-up': duration({ summary: 'How long to run before that, without measuring [default: 1s].', min: 0 }),
    keys: Flags.integer({ summary: 'How many keys.', min: 1, max: 100_000_000, default: 10_000 }),
    'key-bytes': Flags.integer({ summary: 'Length of a key, prefix included.', min: 22, max: 1024, default: 32 }),
    'value-bytes': Flags.integer({ summary: 'Length of a value.', min: 0, max: 3 * 2 ** 20, default: 256 }),
    distribution: Flags.option({
      options: ['uniform', 'zipf', 'sequential'] as const,
      default: 'uniform' as const,
      summary: 'Which keys; zipf has a few hot ones.',
    })(),
    reads: Flags.integer({ summary: 'mixed: percent of gets.', min: 0, max: 100, default: 50 }),
    stale: Flags.boolean({ summary: 'Gets take what the asked node has, without asking for a quorum.' }),
    spread: Flags.boolean({ summary: 'Each client stays at one of the endpoints, instead of going to the leader.' }),
  }

  async run(): Promise<BenchmarkResult> {
    const { args, flags } = await this.parse(Bench)
    const { endpoints, timeoutMs } = await this.connection(flags)
    const { runBenchmark } = await import('../cli/bench/benchmark.ts')
    const { workloads } = await import('../cli/bench/workload.ts')
    const { renderResult } = await import('../cli/bench/result.ts')
    const result = await runBenchmark({
      endpoints,
      timeoutMs,
      workload: workloads.find((known) => known === args.workload) ?? 'put',
      via: flags.via,
      consistency: flags.stale ? 'stale' : 'linearizable',
      clients: flags.clients,
      inFlight: flags['in-flight'],
      rate: flags.rate,
      warmUpMs: flags['warm-up'] ?? 1000,
      durationMs: flags.duration ?? 10_000,
      keys: flags.keys,
      keyBytes: flags['key-bytes'],
      valueBytes: flags['value-bytes'],
      distribution: flags.distribution,
      readShare: flags.reads / 100,
      spread: flags.spread,
      silent: this.jsonEnabled(),
    })
    this.log(renderResult(result))
    if (result.interrupted) {
      this.remark('Interrupted.')
      this.endWith(130)
    } else if (result.requests === 0) {
      this.remark('No request was done.')
      this.endWith(10)
    }
    return result
  }
}
