import * as Flags from '@oclif/core/flags'
import { BaseCommand } from '../cli/base-command.ts'
import { Progress } from '../cli/progress.ts'
import type { SummaryJson } from '../cli/sim/summary.ts'
import type { SimOptions } from '../sim/options.ts'

interface SimJson extends SummaryJson {
  /** For a single seed. */
  readonly traceHash?: string
  readonly options?: object
}

export default class Sim extends BaseCommand {
  static override summary = 'Run the real system in a simulated world, from seeds.'
  static override description =
    `Each seed expands to a cluster, its faults and its clients: lossy and partitioned networks, crashes around every disk commit and message, damaged records, wandering clocks. The code is that of the daemon; only disk, network, clock and randomness are simulated. Invariants are checked after every step and the clients' history at the end. The same seed gives the same run on every machine.
Exits 10 when a seed fails. A failing seed is shrunk and printed as a transcript.`

  static override examples = [
    '<%= config.bin %> <%= command.id %> --seed 42',
    '<%= config.bin %> <%= command.id %> --seeds 10000 --first-seed 1 --jobs 2',
    '<%= config.bin %> <%= command.id %> --seed 42 --mermaid > run.md',
  ]

  static override flags = {
    seed: Flags.integer({ summary: 'Run this one seed and print its options.', min: 0, exclusive: ['seeds'] }),
    seeds: Flags.integer({ summary: 'How many seeds to run.', min: 1, default: 100 }),
    'first-seed': Flags.integer({ summary: 'The first of them.', min: 0, default: 1 }),
    jobs: Flags.integer({ summary: 'Threads.', min: 1, max: 64, default: 1 }),
    duration: Flags.integer({
      summary: 'Simulated seconds under faults, for each seed.',
      min: 1,
      max: 3600,
      default: 30,
    }),
    nodes: Flags.integer({ summary: 'Nodes of every cluster; without it each seed draws its own.', min: 1, max: 7 }),
    beyond: Flags.boolean({ summary: 'Faults beyond what any protocol survives: it may stop, but must not lie.' }),
    transcript: Flags.boolean({ summary: 'With --seed: print everything that happened.' }),
    mermaid: Flags.boolean({ summary: 'With --seed: print the end of the run as a Mermaid sequence diagram.' }),
    'keep-going': Flags.boolean({ summary: 'Go on after a seed has failed.' }),
  }

  async run(): Promise<SimJson> {
    const { flags } = await this.parse(Sim)
    const campaign = { durationMs: flags.duration * 1000, isBeyond: flags.beyond, nodes: flags.nodes }
    const { optionsOf } = await import('../sim/campaign.ts')
    if (flags.seed !== undefined) {
      return this.#one(optionsOf(flags.seed, campaign), flags.transcript, flags.mermaid)
    }
    const { runSeeds } = await import('../cli/sim/seed-runner.ts')
    const { Summary, renderSummary } = await import('../cli/sim/summary.ts')
    const summary = new Summary()
    const progress = new Progress({
      verb: 'simulated',
      stream: process.stderr,
      silent: this.jsonEnabled(),
      state: () => ({ records: summary.seeds, bad: summary.failed.length, fraction: summary.seeds / flags.seeds }),
    })
    progress.start()
    await runSeeds({
      firstSeed: flags['first-seed'],
      seeds: flags.seeds,
      jobs: flags.jobs,
      campaign,
      onReport: (report) => summary.add(report),
      isEnough: () => summary.failed.length > 0 && !flags['keep-going'],
    })
    progress.stop()
    const result = summary.toJSON()
    if (!this.jsonEnabled()) process.stdout.write(`${renderSummary(result)}\n`)
    const first = result.failed[0]
    if (first !== undefined) {
      this.endWith(10)
      if (!this.jsonEnabled()) await this.#explain(optionsOf(first.seed, campaign), false)
    }
    return result
  }

  async #one(options: SimOptions, transcript: boolean, asMermaid: boolean): Promise<SimJson> {
    const { runSeed } = await import('../sim/campaign.ts')
    const { checkOperations } = await import('../sim/check-operations.ts')
    const { Summary, renderSummary } = await import('../cli/sim/summary.ts')
    if (!this.jsonEnabled()) process.stdout.write(`${JSON.stringify(options, null, 2)}\n`)
    const summary = new Summary()
    const report = runSeed(options, checkOperations)
    summary.add(report)
    const result = { ...summary.toJSON(), traceHash: report.traceHash, options }
    if (!this.jsonEnabled()) process.stdout.write(`${renderSummary(result)}\ntrace hash ${report.traceHash}\n`)
    if (report.failure !== undefined) this.endWith(10)
    if (!this.jsonEnabled() && (report.failure !== undefined || transcript || asMermaid)) {
      await this.#explain(options, asMermaid)
    }
    return result
  }

  /** The run in full; of a failing one, the smallest that fails in the same way. */
  async #explain(options: SimOptions, asMermaid: boolean): Promise<void> {
    const { explain } = await import('../sim/campaign.ts')
    const { checkOperations } = await import('../sim/check-operations.ts')
    const { mermaid } = await import('../sim/transcript.ts')
    const smallest = explain(options, checkOperations)
    if (asMermaid) {
      process.stdout.write(`\`\`\`mermaid\n${mermaid(smallest.lines)}\n\`\`\`\n`)
      return
    }
    if (smallest.failure !== undefined) {
      process.stdout.write(`\nThe smallest run that fails like it:\n${JSON.stringify(smallest.options, null, 2)}\n\n`)
    }
    process.stdout.write(`${smallest.lines.join('\n')}\n`)
    if (smallest.failure !== undefined) {
      const { check, message, atMs } = smallest.failure
      process.stdout.write(`\n${atMs.toFixed(2).padStart(10)} FAILED ${check}: ${message}\n`)
    }
  }
}
