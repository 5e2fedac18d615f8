import { PaxosError } from '../base/error.ts'
import type { StatusJson } from '../wire/api-types.ts'
import { firstAnswer } from './first-answer.ts'

export interface StatusSource {
  status(endpoint: string): Promise<StatusJson>
}

export interface MemberAnswer {
  readonly name: string
  /** Where it was asked; undefined when nobody knows its client address. */
  readonly endpoint: string | undefined
  /** Undefined when it does not answer. */
  readonly status: StatusJson | undefined
}

/** Asks one node who the members are, then each of them. The first is who was asked. Throws CANNOT_CONNECT when nobody answers. */
export async function askMembers(
  admin: StatusSource,
  endpoints: readonly string[],
): Promise<{ readonly first: StatusJson; readonly answers: readonly MemberAnswer[] }> {
  const { endpoint, answer: first } = await firstAnswer(endpoints, (each) => admin.status(each))
  const answers = await Promise.all(
    first.members.map(async (member): Promise<MemberAnswer> => {
      if (member.name === first.node.name) return { endpoint, status: first, name: member.name }
      // A node that has not heard from a member does not know its client address; perhaps we were given it.
      const known = member.clientAddress === null ? undefined : `http://${member.clientAddress}`
      const found = await statusOf(admin, known === undefined ? endpoints : [known], member.name)
      return { name: member.name, endpoint: found?.endpoint ?? known, status: found?.status }
    }),
  )
  return { first, answers }
}

async function statusOf(
  admin: StatusSource,
  endpoints: readonly string[],
  name: string,
): Promise<{ readonly endpoint: string; readonly status: StatusJson } | undefined> {
  for (const endpoint of endpoints) {
    try {
      const status = await admin.status(endpoint)
      if (status.node.name === name) return { endpoint, status }
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
    }
  }
  return undefined
}
