import type { Epoch, NextEpoch } from './epoch.ts'

/** What a change of epoch changes, in words. */
export function epochDifference(before: Epoch, next: NextEpoch): string {
  const was = new Map(before.members.map((member) => [member.id, member]))
  const will = new Set(next.members.map(({ id }) => id))
  const changes: string[] = []
  for (const { id, name, kind, peerAddress } of next.members) {
    const old = was.get(id)
    if (old === undefined) changes.push(`adds ${name}${kind === 'learner' ? ' as a learner' : ''}`)
    else if (old.kind !== kind) changes.push(`makes ${name} ${kind === 'learner' ? 'a learner' : 'an acceptor'}`)
    if (old !== undefined && old.peerAddress !== peerAddress) changes.push(`${name} moves to ${peerAddress}`)
  }
  for (const { id, name } of before.members) if (!will.has(id)) changes.push(`removes ${name}`)
  const counts = [
    ['q1', before.q1, next.q1],
    ['q2', before.q2, next.q2],
    ['leaseMs', before.leaseMs, next.leaseMs],
    ['feature level', before.featureLevel, next.featureLevel],
  ] as const
  for (const [what, from, to] of counts) if (from !== to) changes.push(`${what} ${from} to ${to}`)
  return `epoch ${next.number}: ${changes.length === 0 ? 'nothing' : changes.join(', ')}`
}
