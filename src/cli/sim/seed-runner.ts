import { Worker } from 'node:worker_threads'
import type { Campaign, SeedReport } from '../../sim/campaign.ts'

export interface SeedRun {
  readonly firstSeed: number
  readonly seeds: number
  readonly jobs: number
  readonly campaign: Campaign
  onReport(report: SeedReport): void
  /** No further seeds are begun once it says so. */
  isEnough(): boolean
}

/** Runs seeds on worker threads, the next one wherever one is free. */
export async function runSeeds(run: SeedRun): Promise<void> {
  let next = run.firstSeed
  const end = run.firstSeed + run.seeds
  const script = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)
  const thread = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(script, { workerData: run.campaign })
      const give = (): void => {
        if (next >= end || run.isEnough()) {
          void worker.terminate().then(() => resolve(), reject)
          return
        }
        worker.postMessage(next++)
      }
      worker.on('message', (report: SeedReport) => {
        run.onReport(report)
        give()
      })
      worker.on('error', reject)
      give()
    })
  await Promise.all(Array.from({ length: Math.min(run.jobs, run.seeds) }, thread))
}
