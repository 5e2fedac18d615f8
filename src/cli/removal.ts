import type { EpochJson, WantedEpochJson } from '../wire/api-types.ts'
import { membersOf } from './epoch-change.ts'
import { memberNamed } from './member-named.ts'

/** The epoch without a member; a text says that it is out already, as when the command is run again after its answer got lost. */
export function removal(current: EpochJson, earlier: readonly EpochJson[], wanted: string): WantedEpochJson | string {
  const isWanted = ({ name, id }: { readonly name: string; readonly id: string }): boolean =>
    name === wanted || id === wanted
  const was = earlier.flatMap(({ members }) => members).findLast(isWanted)
  if (was !== undefined && !current.members.some(isWanted)) return `${was.name} is no member any more: nothing to do`
  const { name } = memberNamed(current, wanted)
  return { after: current.epoch, members: membersOf(current).filter((member) => member.name !== name) }
}
