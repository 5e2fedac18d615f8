import { createHash } from 'node:crypto'
import { PaxosError } from '../base/error.ts'
import { compareStrings } from '../base/order.ts'
import type { Epoch, Member } from '../protocol/epoch.ts'
import { featureLevels } from '../protocol/feature-level.ts'
import { firstEpoch, firstSlot, toNodeId } from '../protocol/ids.ts'
import { majority, quorumProblem } from '../protocol/quorum.ts'
import type { NodeConfig } from './config-table.ts'

export interface ClusterIdentity {
  /** As long as it was not restored from a backup. 32 hexadecimal digits. The same on every node that was given the same token, members and quorums. */
  readonly clusterId: string
  readonly self: Member
  /** With which an empty directory begins: the first, or the one that let the node in. Undefined when it was let in before. */
  readonly epoch: Epoch | undefined
}

/** Of a node that begins a cluster with others. */
export interface FoundingIdentity extends ClusterIdentity {
  readonly epoch: Epoch
}

/**
 * What a node knows of its cluster before it has met anyone: every node derives the same from the same configuration.
 * Ids are 1..n by sorted name. Throws PaxosError BAD_CONFIG.
 */
export function deriveCluster(config: NodeConfig): FoundingIdentity {
  const members = [...config.bootstrapMembers]
    .sort((a, b) => compareStrings(a.name, b.name))
    .map(({ name, peerAddress }, at): Member => ({ id: toNodeId(at + 1), name, peerAddress, kind: 'acceptor' }))
  const n = members.length
  const q1 = config.q1 ?? majority(n)
  const q2 = config.q2 ?? majority(n)
  const problem = quorumProblem({ n, q1, q2 })
  if (problem !== undefined) {
    throw new PaxosError('BAD_CONFIG', `Bad quorum sizes: ${problem}`, {
      hint: `With ${n} members, for example q1=${majority(n)} and q2=${n - majority(n) + 1}; without q1 and q2, both are ${majority(n)}.`,
    })
  }
  const self = ownEntry(config, members)
  const { leaseMs } = config
  const epoch: Epoch = {
    number: firstEpoch,
    protocol: 'multi',
    members,
    q1,
    q2,
    leaseMs,
    startSlot: firstSlot,
    featureLevel: featureLevels.max,
    highestId: toNodeId(members.length),
  }
  return { clusterId: clusterIdOf(config.clusterToken, epoch), self, epoch }
}

function ownEntry(config: NodeConfig, members: readonly Member[]): Member {
  const self = members.find((member) => member.name === config.name)
  if (self === undefined) {
    const names = members.map((member) => member.name).join(', ')
    throw new PaxosError('BAD_CONFIG', `This node is named ${config.name}, but bootstrapMembers has only ${names}`, {
      hint: 'Name one of the members. A node that is let in later, or was, is started with `paxos node start --join MEMBER:7601`, without bootstrapMembers: the list says who began the cluster, and with another one it is another cluster.',
    })
  }
  if (config.advertisePeer !== undefined && config.advertisePeer !== self.peerAddress) {
    throw new PaxosError(
      'BAD_CONFIG',
      `advertisePeer is ${config.advertisePeer}, but bootstrapMembers has ${self.peerAddress} for ${self.name}`,
      { hint: 'The members connect to the address in bootstrapMembers; make both the same.' },
    )
  }
  return self
}

function clusterIdOf(token: string, { members, q1, q2, leaseMs }: Epoch): string {
  const named = members.map(({ id, name, peerAddress }) => [id, name, peerAddress])
  // JSON keeps the parts apart: no two configurations are written the same way.
  return createHash('sha256')
    .update(JSON.stringify(['paxos cluster 1', token, named, q1, q2, leaseMs]))
    .digest('hex')
    .slice(0, 32)
}
