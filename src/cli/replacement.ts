import { PaxosError } from '../base/error.ts'
import type { EpochJson, WantedEpochJson } from '../wire/api-types.ts'
import { membersOf } from './epoch-change.ts'
import { memberNamed } from './member-named.ts'

/** The epoch in which a learner votes in the place of another member; a text says that it is so already. */
export function replacement(current: EpochJson, oldName: string, newName: string): WantedEpochJson | string {
  const fresh = memberNamed(current, newName)
  const isGone = !current.members.some(({ name, id }) => name === oldName || id === oldName)
  if (isGone && fresh.kind === 'acceptor') {
    return `there is no member ${oldName}, and ${fresh.name} is an acceptor: nothing to do`
  }
  const old = memberNamed(current, oldName)
  if (fresh.name === old.name) {
    throw new PaxosError('USAGE', `${old.name} cannot be put in its own place`, {
      hint: 'Name the member to remove, then the learner that takes its place.',
    })
  }
  if (fresh.kind !== 'learner') {
    throw new PaxosError('PRECONDITION_FAILED', `${fresh.name} votes already, so it can take nobody's place`, {
      hint: `Let a new node in with \`paxos member add NAME --address HOST:PORT --learner\` and name that, or take ${old.name} out with \`paxos member remove ${old.name}\`.`,
    })
  }
  const left = membersOf(current).filter(({ name }) => name !== old.name)
  return {
    after: current.epoch,
    members: left.map(({ name, kind }) => ({ name, kind: name === fresh.name ? 'acceptor' : kind })),
  }
}
