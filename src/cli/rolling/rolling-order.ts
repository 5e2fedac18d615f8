import type { StatusJson } from '../../wire/api-types.ts'

/**
 * In which order nodes are taken down, as the leader's status has them: learners first, because nothing waits for them, then
 * followers, those that lag most first, and the leader last, so that leadership moves once.
 */
export function rollingOrder({ members, node }: Pick<StatusJson, 'members' | 'node'>): readonly string[] {
  const rank = ({ name, kind }: StatusJson['members'][number]): number =>
    name === node.name ? 2 : kind === 'learner' ? 0 : 1
  // Unknown is further behind than any number.
  const lagOf = ({ lagSlots }: StatusJson['members'][number]): number => lagSlots ?? Number.MAX_VALUE
  return members
    .toSorted((a, b) => rank(a) - rank(b) || lagOf(b) - lagOf(a) || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name)
}
