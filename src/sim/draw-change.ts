import type { Random } from '../base/random.ts'
import type { Epoch, Member, NextEpoch } from '../protocol/epoch.ts'
import { type EpochNumber, toNodeId } from '../protocol/ids.ts'

/**
 * A random change of epoch, of one or several members at once and of quorum sizes. Nodes that are new in it are learners, as
 * the daemon has it: whoever votes knows the members before it. `idsMax` bounds how many nodes there ever are.
 */
export function drawChange(random: Random, epoch: Epoch, idsMax: number): NextEpoch {
  let members = epoch.members
  let highestId = epoch.highestId
  for (let steps = random.integer(0, 4); steps > 0; steps--) {
    const kind = random.integer(0, 4)
    const one = members[random.integer(0, members.length)] as Member
    const acceptors = members.filter((member) => member.kind === 'acceptor')
    const mayLose = one.kind === 'learner' || acceptors.length > 1
    if (kind === 0 && mayLose) members = members.filter((member) => member !== one)
    if (kind === 1 && mayLose) members = replaced(members, one, 'learner')
    if (kind === 2 && epoch.members.some(({ id }) => id === one.id)) members = replaced(members, one, 'acceptor')
    if (kind === 3 && highestId < idsMax) {
      highestId = toNodeId(highestId + 1)
      const [name, peerAddress] = [`n${highestId}`, `n${highestId}:7701`]
      members = [...members, { id: highestId, name, peerAddress, kind: 'learner' }]
    }
  }
  const n = members.filter((member) => member.kind === 'acceptor').length
  const q1 = random.chance(0.5) ? Math.floor(n / 2) + 1 : random.integer(1, n + 1)
  const q2 = random.integer(n - q1 + 1, n + 1)
  const number = (epoch.number + 1) as EpochNumber
  const { protocol, leaseMs, featureLevel } = epoch
  return { number, protocol, members, q1, q2, leaseMs, featureLevel, highestId }
}

function replaced(members: readonly Member[], one: Member, kind: Member['kind']): Member[] {
  return members.map((member) => (member === one ? { ...member, kind } : member))
}
