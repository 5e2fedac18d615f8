/** One thread of `paxos sim`: runs the seeds that it is given, one after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../base/assert.ts'
import { type Campaign, optionsOf, runSeed } from '../../sim/campaign.ts'
import { checkOperations } from '../../sim/check-operations.ts'

const port = parentPort
assert(port !== null, 'a worker without a parent')
const campaign = workerData as Campaign
port.on('message', (seed: number) => port.postMessage(runSeed(optionsOf(seed, campaign), checkOperations)))
