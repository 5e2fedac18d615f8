import { PaxosError } from '../../base/error.ts'
import type { AdminClient } from '../../client/admin.ts'
import type { SpaceJson, StatusJson } from '../../wire/api-types.ts'
import { firstAnswer } from '../first-answer.ts'
import type { ContentView } from './count-content.ts'

export interface MemberSpace {
  readonly member: string
  readonly endpoint: string | null
  /** Null when it does not answer. */
  readonly space: SpaceJson | null
}

/** What `paxos space` prints with --json. */
export interface SpaceView {
  readonly clusterId: string
  readonly members: readonly MemberSpace[]
  readonly contents: readonly ContentView[]
}

/** The sizes of every member, which of them to count keys on (the first endpoint that answers), who leads, and who the members are. */
export async function viewMembers(
  admin: Pick<AdminClient, 'status' | 'space'>,
  endpoints: readonly string[],
): Promise<{
  readonly asked: { endpoint: string; node: string }
  readonly view: Omit<SpaceView, 'contents'>
  readonly leader: string | null
  readonly roster: StatusJson['members']
}> {
  const { endpoint, answer } = await firstAnswer(endpoints, (each) => admin.status(each))
  const members = await Promise.all(
    answer.members.map(async ({ name, clientAddress }): Promise<MemberSpace> => {
      // A node that has not heard from a member does not know its client address; perhaps we were given it.
      const known = clientAddress === null ? endpoints : [`http://${clientAddress}`]
      const candidates = name === answer.node.name ? [endpoint] : known
      for (const each of candidates) {
        const space = await spaceOf(admin, each)
        if (space?.node === name) return { member: name, endpoint: each, space }
      }
      return { member: name, endpoint: clientAddress === null ? null : `http://${clientAddress}`, space: null }
    }),
  )
  const leader = answer.groups[0]?.leader ?? null
  const asked = { endpoint, node: answer.node.name }
  return { asked, view: { clusterId: answer.clusterId, members }, leader, roster: answer.members }
}

async function spaceOf(admin: Pick<AdminClient, 'space'>, endpoint: string): Promise<SpaceJson | undefined> {
  try {
    return await admin.space(endpoint)
  } catch (error) {
    if (error instanceof PaxosError) return undefined
    throw error
  }
}
