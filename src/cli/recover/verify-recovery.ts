import { PaxosError } from '../../base/error.ts'
import type { AdminClient } from '../../client/admin.ts'
import type { PlanFile } from '../../daemon/recovery/plan-file.ts'
import type { StatusJson, VerifyJson } from '../../wire/api-types.ts'

export interface CheckJson {
  readonly check: string
  readonly good: boolean
  readonly seen: string
}

export interface RecoveredJson {
  readonly recovered: boolean
  readonly clusterId: string
  readonly checks: readonly CheckJson[]
}

/** Asks all endpoints; changes nothing. Those that the plan names as dead are best among them: they must not answer. */
export async function verifyRecovery(
  plan: PlanFile,
  admin: Pick<AdminClient, 'status' | 'verify'>,
  endpoints: readonly string[],
): Promise<RecoveredJson> {
  const answers = await Promise.all(
    endpoints.map(async (endpoint) => ({ endpoint, status: await statusOf(admin, endpoint) })),
  )
  const known = answers.flatMap(({ endpoint, status }) => (status instanceof PaxosError ? [] : [{ endpoint, status }]))
  const ours = known.filter(({ status }) => status.clusterId === plan.recoveredId)
  const checks = [
    ...plan.survivors.map(({ name }) =>
      survivorCheck(
        plan,
        name,
        ours.map(({ status }) => status),
      ),
    ),
    leaderCheck(ours.map(({ status }) => status)),
    await sameCheck(
      admin,
      ours.map(({ endpoint }) => endpoint),
    ),
    ...deadChecks(plan, known),
  ]
  return { recovered: checks.every(({ good }) => good), clusterId: plan.recoveredId, checks }
}

async function statusOf(admin: Pick<AdminClient, 'status'>, endpoint: string): Promise<StatusJson | PaxosError> {
  try {
    return await admin.status(endpoint)
  } catch (error) {
    if (error instanceof PaxosError) return error
    throw error
  }
}

function survivorCheck({ next }: PlanFile, name: string, statuses: readonly StatusJson[]): CheckJson {
  const check = `${name} is in epoch ${next.number} and has applied everything below ${next.startSlot}`
  const [group] = statuses.find(({ node }) => node.name === name)?.groups ?? []
  if (group === undefined)
    return { check, good: false, seen: 'it does not answer as a member of the recovered cluster' }
  const { epoch, applied, notReady } = group
  const good = epoch >= next.number && applied >= next.startSlot && notReady === null
  return {
    check,
    good,
    seen: `epoch ${epoch}, applied ${applied}${notReady === null ? '' : `, not ready: ${notReady}`}`,
  }
}

function leaderCheck(statuses: readonly StatusJson[]): CheckJson {
  const named = new Set(statuses.flatMap(({ groups }) => groups.map(({ leader }) => leader ?? 'nobody')))
  const [leader] = named
  const leads = statuses.some(({ node, groups }) => node.name === leader && groups[0]?.steady === true)
  return {
    check: 'they follow one leader',
    good: named.size === 1 && leads,
    seen: [...named].join(', ') || 'nobody answers',
  }
}

async function sameCheck(admin: Pick<AdminClient, 'verify'>, endpoints: readonly string[]): Promise<CheckJson> {
  const check = 'their machines are the same'
  const [endpoint] = endpoints
  if (endpoint === undefined) return { check, good: false, seen: 'nobody answers' }
  let found: VerifyJson
  try {
    found = await admin.verify(endpoint)
  } catch (error) {
    if (!(error instanceof PaxosError)) throw error
    return { check, good: false, seen: error.message }
  }
  const { verdict, checkedUpTo } = found
  return { check, good: verdict === 'same', seen: `${verdict}, compared up to slot ${checkedUpTo ?? '-'}` }
}

function deadChecks(plan: PlanFile, known: readonly { endpoint: string; status: StatusJson }[]): readonly CheckJson[] {
  return plan.dead.map(({ name, id }): CheckJson => {
    const check = `${name} is gone`
    const runs = known.find(({ status }) => status.node.id === String(id) && status.clusterId !== plan.recoveredId)
    if (runs !== undefined) {
      return { check, good: false, seen: `it runs at ${runs.endpoint}, in the old cluster: stop it` }
    }
    const member = known.some(({ status }) => {
      return status.clusterId === plan.recoveredId && status.members.some((each) => each.id === String(id))
    })
    return { check, good: !member, seen: member ? 'it is a member still' : 'no member, and no endpoint answers as it' }
  })
}
