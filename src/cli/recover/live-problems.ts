import type { StatusJson } from '../../wire/api-types.ts'
import type { FoundSurvivor } from './survivors.ts'

/**
 * What the survivors that run see, and what speaks against a recovery: one of them leads or is led, or hears a member that is
 * named as dead, by name or id. A directory cannot say.
 */
export function liveProblems(found: readonly FoundSurvivor[], dead: readonly string[]): readonly string[] {
  return found.flatMap(({ status }) =>
    status === undefined ? [] : [...leaderProblems(status), ...heard(status, dead)],
  )
}

function leaderProblems({ node, groups }: StatusJson): string[] {
  return groups.flatMap(({ leader, steady }) => {
    if (leader === node.name) return steady ? [`${node.name} leads: there is a quorum still.`] : []
    return leader === null ? [] : [`${node.name} follows ${leader}, which leads: there is a quorum still.`]
  })
}

function heard({ node, members }: StatusJson, dead: readonly string[]): string[] {
  const named = members.filter(({ name, id }) => name !== node.name && (dead.includes(name) || dead.includes(id)))
  const names = named.filter(({ reachable }) => reachable).map(({ name }) => name)
  if (names.length === 0) return []
  return [`${node.name} hears ${names.join(', ')}, named as dead: ${names.length === 1 ? 'it runs' : 'they run'}.`]
}
