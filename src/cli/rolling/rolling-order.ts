import type { StatusJson } from '../../wire/api-types.ts'

/**
 * In which order nodes are taken down, as the leader's status has them: learners first, because nothing waits for them, then
 * followers, those that lag most first, and the leader last, so that leadership moves once.
 */
export function rollingOrder({ members, node }: Pick<StatusJson, 'members' | 'node'>): readonly string[] {
  const rank = ({ name, kind }: StatusJson['members'][number]): number =>
    name === node.name ? 2 : kind === 'learner' ? 0 : 1
  return members
    .toSorted((a, b) => rank(a) - rank(b) || (b.lagSlots ?? 0) - (a.lagSlots ?? 0) || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name)
}
