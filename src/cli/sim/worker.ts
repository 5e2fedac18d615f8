/** One thread of `paxos sim`: runs the seeds that it is given, one after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../base/assert.ts'
import { optionsOf, runSeed } from '../../sim/campaign.ts'
import { checkOperations } from '../../sim/check-operations.ts'

export interface WorkerTask {
  readonly durationMs: number
  readonly isBeyond: boolean
}

const port = parentPort
assert(port !== null, 'a worker without a parent')
const { durationMs, isBeyond } = workerData as WorkerTask
port.on('message', (seed: number) => port.postMessage(runSeed(optionsOf(seed, durationMs, isBeyond), checkOperations)))
