import { hostname, userInfo } from 'node:os'
import { PaxosError } from '../base/error.ts'
import { actorProblem, toActorHeader } from '../wire/actor.ts'

/** Who a client says that it is, for the cluster's audit trail: a claim, which nobody checks. */
export function defaultActor(): string {
  const actor = `${userName()}@${hostname()}`
  return actorProblem(actor) === undefined ? actor : ''
}

/** What is sent: the actor that was given, or the user and host that this process runs as. Throws PaxosError USAGE. */
export function actorToSend(actor: string = defaultActor()): string {
  const problem = actorProblem(actor)
  if (problem === undefined) return toActorHeader(actor)
  throw new PaxosError('USAGE', `Actor ${JSON.stringify(actor)} cannot be sent: ${problem}`, {
    hint: 'Give a short name in letters, such as ann@desk.',
  })
}

/** Who has a number only, as in many containers, has no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}
