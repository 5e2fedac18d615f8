import { PaxosError } from '../base/error.ts'
import type { AdminClient } from '../client/admin.ts'
import { isForgetful } from './doctor/shunned-checks.ts'
import { findLeader } from './leader.ts'
import { count } from './output.ts'
import { pause } from './pause.ts'

/** A learner that lags by no more is let vote; the server allows somewhat more, for what comes in between. */
const lagSlotsMax = 100
const lookEveryMs = 250
const sayEveryMs = 5000

export interface CatchUpOptions {
  readonly endpoints: readonly string[]
  readonly timeoutMs: number
  readonly say: (text: string) => void
}

/**
 * Waits until the member answers and has nearly everything. Throws PaxosError TIMEOUT, saying how far it came;
 * PRECONDITION_FAILED when the leader refuses it for good.
 */
export async function waitUntilCaughtUp(admin: AdminClient, name: string, options: CatchUpOptions): Promise<void> {
  const deadline = performance.now() + options.timeoutMs
  let saidAt = Number.NEGATIVE_INFINITY
  let last = 'nobody leads'
  while (performance.now() < deadline) {
    const lag = await lagOf(admin, options.endpoints, name)
    if (typeof lag === 'number' && lag <= lagSlotsMax) return
    last = typeof lag === 'number' ? `it lags by ${count(lag, 'slot')}` : lag
    if (performance.now() - saidAt >= sayEveryMs) {
      options.say(`waiting for ${name}: ${last}`)
      saidAt = performance.now()
    }
    await pause(lookEveryMs)
  }
  throw new PaxosError('TIMEOUT', `${name} did not catch up in time: ${last}`)
}

/** Slots, or in words why they are not known. */
async function lagOf(admin: AdminClient, endpoints: readonly string[], name: string): Promise<number | string> {
  try {
    const { endpoint, status } = await findLeader(admin, endpoints)
    const member = status.members.find((each) => each.name === name)
    if (member === undefined) return 'it is no member yet'
    if (member.reachable && member.lagSlots !== null) return member.lagSlots
    await refuseForgetful(admin, endpoint, name)
    return 'it does not answer the leader'
  } catch (error) {
    if (error instanceof PaxosError && error.code !== 'PRECONDITION_FAILED') return error.message
    throw error
  }
}

/** Throws PaxosError PRECONDITION_FAILED when the leader says that it will never have the member again as it is. */
async function refuseForgetful(admin: AdminClient, endpoint: string, name: string): Promise<void> {
  const { links } = await admin.diagnosis(endpoint)
  const refusal = links.find(({ member }) => member === name)?.refusal
  if (!isForgetful(refusal)) return
  throw new PaxosError('PRECONDITION_FAILED', `The leader refuses ${name}: ${refusal.code}: ${refusal.message}`, {
    hint: `It cannot come back under its name. \`paxos member remove ${name}\`, then add a node with a name that was never used and an empty directory.`,
  })
}
