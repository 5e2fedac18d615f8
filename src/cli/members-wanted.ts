import { PaxosError } from '../base/error.ts'
import type { EpochJson, WantedEpochJson } from '../wire/api-types.ts'
import { membersOf } from './epoch-change.ts'
import { memberNamed } from './member-named.ts'

/** Names or ids, separated by commas; all, or all as they are, when one is not given. */
export interface MemberLists {
  readonly members?: string | undefined
  readonly acceptors?: string | undefined
}

/** Who is to be a member, and who of them is to vote. Throws PaxosError NOT_FOUND, USAGE. */
export function membersWanted(current: EpochJson, lists: MemberLists): NonNullable<WantedEpochJson['members']> {
  const named = (list: string | undefined): string[] | undefined =>
    list?.split(',').map((name) => memberNamed(current, name.trim()).name)
  const staying = named(lists.members)
  const acceptors = named(lists.acceptors)
  const gone = acceptors?.find((name) => staying !== undefined && !staying.includes(name))
  if (gone !== undefined) {
    throw new PaxosError('USAGE', `${gone} is to vote, and is none of the members that stay`, {
      hint: 'Name it in --members as well.',
    })
  }
  return membersOf(current)
    .filter(({ name }) => staying?.includes(name) ?? true)
    .map(({ name, kind }) => {
      if (acceptors === undefined) return { name, kind }
      return { name, kind: acceptors.includes(name) ? 'acceptor' : 'learner' }
    })
}
