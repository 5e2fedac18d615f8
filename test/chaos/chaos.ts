/** One chaos run: a real cluster under concurrent clients and faults that one seed draws, and what came of it. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Random } from '../../src/base/random.ts'
import { writeHistory } from '../../src/sim/linearizability/ndjson.ts'
import { Cluster, electionTimeoutMs, groupOf } from '../cluster/cluster.ts'
import { until } from '../cluster/until.ts'
import { assertSameContent } from '../cluster/workload.ts'
import { ChaosClient, type ClientKind } from './clients.ts'
import { coverageProblems } from './coverage.ts'
import { FaultLog } from './fault-log.ts'
import { historyOf, historyProblems, logProblems, type OwnKey, ownKeyProblems } from './judge.ts'
import { LogTail } from './log-tail.ts'
import { Nemesis } from './nemesis.ts'
import { Recorder } from './record.ts'
import { Resources, type Usage } from './resources.ts'

export interface ChaosOptions {
  readonly seed: number
  /** Of faults; starting and judging come on top. */
  readonly durationMs: number
  /** Without it the seed draws 3 or 5. */
  readonly nodes?: number | undefined
  /** Where history, faults and logs go when something is wrong. */
  readonly saveTo: string
  /** Name of one of lies.ts, planted in every node: the control that shows that a run would notice. */
  readonly plant?: string | undefined
  /** Without it the seed draws whether there are leases. */
  readonly leaseMs?: number | undefined
  readonly onProgress?: (text: string) => void
}

export interface ChaosReport {
  readonly seed: number
  readonly nodes: number
  /** 0 without leases. */
  readonly leaseMs: number
  readonly ok: boolean
  readonly problems: readonly string[]
  readonly savedTo: string | undefined
  readonly durationMs: number
  readonly faults: Readonly<Record<string, number>>
  /** How often each was reached. */
  readonly failpoints: Readonly<Record<string, number>>
  readonly operations: number
  readonly acknowledgedWrites: number
  readonly reads: number
  readonly openWrites: number
  readonly errors: Readonly<Record<string, number>>
  readonly slots: number
  /** Truncated before they could be read. With any, what is not in the log cannot be told. */
  readonly slotsUnread: number
  readonly longestGapMs: number
  /** From the end of the last fault until every node is ready and every client is served. */
  readonly recoveryMs: number | undefined
  readonly peak: Usage
}

/** From the end of the last fault, on a loaded machine where processes start in seconds. */
const recoveryMsMax = 45_000
const progressMs = 15_000
/** A longer run has longer faults, too. */
const longMs = 120_000
const servedAfter = 3
/**
 * What is kept is small, so that files, history and log soon reach the size that they then must keep. State is made
 * durable late, so that the log can be read before it is truncated. Elections are quick, as in all tests.
 */
const settingsOf = (leaseMs: number): Readonly<Record<string, string | number>> => ({
  heartbeatMs: 50,
  electionTimeoutMs,
  leaseMs,
  historyRevisionsMax: 5000,
  'limits.logSlotsKeptMax': 4000,
  'limits.stateFlushMs': 1000,
})
const leaseMsMin = 200
const leaseMsMax = 1200
const kinds: readonly ClientKind[] = ['session', 'session', 'session', 'session', 'stream', 'stream', 'http', 'http']
const thinkMs = 15

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const random = new Random(options.seed)
  // Drawn in any case, so that what is set by hand changes nothing else.
  const drawnNodes = random.chance(0.75) ? 3 : 5
  const drawnMs = random.chance(0.5) ? random.integer(leaseMsMin, leaseMsMax) : 0
  const nodes = options.nodes ?? drawnNodes
  const leaseMs = options.leaseMs ?? drawnMs
  const cluster = await Cluster.create({ nodes, proxied: true, settings: settingsOf(leaseMs) })
  try {
    return await new Run(cluster, leaseMs, options).run()
  } finally {
    await cluster.destroy()
  }
}

class Run {
  readonly #cluster: Cluster
  readonly #options: ChaosOptions
  readonly #leaseMs: number
  readonly #log = new FaultLog()
  readonly #nemesis: Nemesis
  readonly #recorder = new Recorder()
  readonly #tail: LogTail
  readonly #resources: Resources
  readonly #clients: readonly ChaosClient[]
  #recoveryMs: number | undefined

  constructor(cluster: Cluster, leaseMs: number, options: ChaosOptions) {
    this.#cluster = cluster
    this.#leaseMs = leaseMs
    this.#nemesis = new Nemesis(cluster, this.#log, {
      seed: options.seed,
      isLong: options.durationMs > longMs,
      settings: settingsOf(leaseMs),
      hasLeases: leaseMs > 0,
      lie: options.plant,
    })
    this.#options = options
    this.#tail = new LogTail(cluster)
    this.#resources = new Resources(cluster)
    this.#clients = kinds.map(
      (kind, number) => new ChaosClient(number, kind, options.seed, thinkMs, cluster, this.#recorder),
    )
  }

  async run(): Promise<ChaosReport> {
    await this.#nemesis.create()
    await this.#cluster.ready()
    this.#tail.start()
    this.#resources.start()
    for (const client of this.#clients) client.start()
    const progress = setInterval(() => this.#options.onProgress?.(this.#progress()), progressMs)
    try {
      await this.#disturb()
    } finally {
      clearInterval(progress)
    }
    // What goes wrong from here on is a finding, to be reported with the rest.
    await this.#note('a client failed', () => this.#settle())
    await this.#note('members hold different data', () => assertSameContent(this.#cluster))
    await this.#note('the log cannot be read', () => this.#readRest())
    this.#resources.stop()
    const owns = await this.#ownKeys().catch((error: unknown): OwnKey[] => {
      this.#log.problem(`the data cannot be read: ${String(error)}`)
      return []
    })
    return await this.#judge(owns)
  }

  async #disturb(): Promise<void> {
    const deadline = performance.now() + this.#options.durationMs
    await this.#nemesis.run(() => performance.now() >= deadline)
    const healedAt = performance.now()
    await this.#note('no recovery', () => this.#recover())
    this.#recoveryMs = Math.round(performance.now() - healedAt)
    this.#nemesis.disarm()
  }

  async #recover(): Promise<void> {
    const before = this.#clients.map((client) => client.answered)
    await Promise.all([
      this.#cluster.ready(this.#cluster.nodes, recoveryMsMax),
      until('every client is served', recoveryMsMax, () =>
        this.#clients.every((client, index) => client.answered >= (before[index] ?? 0) + servedAfter),
      ),
    ])
  }

  async #settle(): Promise<void> {
    await pause(500)
    await Promise.all(this.#clients.map((client) => client.stop()))
  }

  async #readRest(): Promise<void> {
    try {
      const chosen = await Promise.all(this.#cluster.nodes.map(async (node) => (await groupOf(node)).chosen))
      await this.#tail.stop(Math.max(...chosen))
    } finally {
      await this.#tail.end()
    }
  }

  async #ownKeys(): Promise<OwnKey[]> {
    const reader = this.#cluster.client()
    const { items } = await reader.list({ prefix: 'own/' })
    // Those that go over HTTP are conditional now and then; the history judges them.
    const plain = new Set(this.#clients.filter(({ kind }) => kind !== 'http').map(({ ownKey }) => ownKey))
    return items.map((item) => ({ key: item.keyText(), version: item.version })).filter(({ key }) => plain.has(key))
  }

  async #judge(owns: readonly OwnKey[]): Promise<ChaosReport> {
    const sessions = new Set(this.#clients.flatMap(({ kind }, number) => (kind === 'session' ? [number] : [])))
    const history = historyOf(this.#recorder, this.#tail)
    const problems = [
      ...this.#log.problems,
      ...this.#tail.problems,
      ...historyProblems(history),
      ...logProblems(this.#recorder, this.#tail, sessions),
      ...ownKeyProblems(owns, this.#recorder, this.#tail, sessions),
      ...this.#resources.problems(),
      ...coverageProblems({
        durationMs: this.#options.durationMs,
        faults: this.#log.counts,
        failpoints: this.#nemesis.failpoints,
        slotsUnread: this.#tail.missing,
      }),
    ]
    const report = this.#report(problems, history.operations.length)
    if (!report.ok) await this.#save(report, writeHistory(history))
    return report
  }

  #report(problems: readonly string[], operations: number): ChaosReport {
    const recorder = this.#recorder
    return {
      seed: this.#options.seed,
      nodes: this.#cluster.nodes.length,
      leaseMs: this.#leaseMs,
      ok: problems.length === 0,
      problems,
      savedTo: problems.length === 0 ? undefined : this.#options.saveTo,
      durationMs: this.#options.durationMs,
      faults: this.#log.counts,
      failpoints: this.#nemesis.failpoints,
      operations,
      acknowledgedWrites: recorder.acknowledged,
      reads: recorder.reads,
      openWrites: recorder.writes.filter(({ fate }) => fate === 'unknown').length,
      errors: Object.fromEntries(recorder.codes),
      slots: this.#tail.slots,
      slotsUnread: this.#tail.missing,
      longestGapMs: Math.round(recorder.longestGapMs),
      recoveryMs: this.#recoveryMs,
      peak: this.#resources.peak,
    }
  }

  async #save(report: ChaosReport, history: string): Promise<void> {
    const { saveTo } = this.#options
    await mkdir(saveTo, { recursive: true })
    await writeFile(join(saveTo, 'report.json'), JSON.stringify(report, undefined, 2))
    await writeFile(join(saveTo, 'history.ndjson'), history)
    await writeFile(join(saveTo, 'faults.ndjson'), this.#log.text)
    for (const node of this.#cluster.nodes) await writeFile(join(saveTo, `${node.name}.log`), node.log)
  }

  async #note(what: string, task: () => Promise<void>): Promise<void> {
    try {
      await task()
    } catch (error) {
      this.#log.problem(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
  }

  #progress(): string {
    const { acknowledged, reads } = this.#recorder
    const reached = Object.values(this.#nemesis.failpoints).filter((hits) => hits > 0).length
    const kills = `${this.#log.count('kill')} kills, ${reached} failpoints reached`
    return `${kills}, ${acknowledged} writes and ${reads} reads answered, ${this.#log.problems.length} problems`
  }
}
