import type { VerifyJson } from '../wire/api-types.ts'
import { paint } from './output.ts'

interface Compared {
  readonly member: string
  readonly state: string
}

/** A verdict of `log verify` in words. `where` says where a member differs first. */
export function verdictLines<M extends Compared>(
  verdict: VerifyJson['verdict'],
  members: readonly M[],
  where: (member: M) => string,
): readonly string[] {
  if (verdict === 'same') return [paint('green', 'same: a majority of the members agrees, and nobody differs')]
  if (verdict === 'unknown') return [paint('yellow', 'unknown: too few members could be compared')]
  const lines = members
    .filter(({ state }) => state === 'diverged')
    .map((each) => `diverged: ${each.member} differs from the majority, first ${where(each)}`)
  const split = members.filter(({ state }) => state === 'differs')
  const [one] = split
  if (one !== undefined) {
    const names = split.map(({ member }) => member).join(' and ')
    lines.push(`diverged: ${names} differ, first ${where(one)}; without a majority nobody knows who is right`)
  }
  return lines.map((line) => paint('red', line))
}
