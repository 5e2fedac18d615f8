/** Who a node is, and in which epochs, before it serves: its configuration, its directory and the cluster that lets it in. */
import { equalBytes } from '../base/bytes.ts'
import { PaxosError } from '../base/error.ts'
import { type Epoch, isMember, type Member } from '../protocol/epoch.ts'
import { encodeEpoch } from '../protocol/epoch-codec.ts'
import { firstGroup } from '../protocol/ids.ts'
import { waitForAdmission } from './admission-wait.ts'
import { type ClusterIdentity, deriveCluster } from './cluster-identity.ts'
import type { NodeConfig } from './config-table.ts'
import type { NodeDependencies } from './node.ts'
import { checkNewDirectory, type DataDirectory } from './store/data-directory.ts'
import { type ExpectedIdentity, firstClusterId, readIdentityFile } from './store/identity.ts'

/** Not asked of a node that was let in before: what it knows of itself is from the directory. */
export function expectedOf({ clusterId, self }: ClusterIdentity): ExpectedIdentity {
  return { clusterId, nodeId: self.id, name: self.name }
}

/** Who this node is: from its configuration, from the cluster that lets it in, or from its directory when it was let in before. */
export async function identify(
  config: NodeConfig,
  dependencies: NodeDependencies,
): Promise<ClusterIdentity | undefined> {
  if (config.join.length === 0) return deriveCluster(config)
  const known = await readIdentityFile(config.dataDir)
  if (known !== undefined) {
    const { nodeId: id } = known
    const clusterId = firstClusterId(known)
    const self: Member = {
      id,
      name: config.name,
      peerAddress: config.advertisePeer ?? config.listenPeer,
      kind: 'learner',
    }
    return { clusterId, self, epoch: undefined }
  }
  await checkNewDirectory(config.dataDir)
  const { log, version, stopped } = dependencies
  const admitted = await waitForAdmission(config, version, log.logger, stopped)
  const self = admitted?.epoch.members.find(({ name }) => name === config.name)
  return admitted === undefined || self === undefined ? undefined : { ...admitted, self }
}

/**
 * The epoch to begin with for a node that was let in and stopped before it had written down by which. Undefined when it knows
 * its epochs, or is asked to stop.
 */
export async function letInAgain(
  config: NodeConfig,
  { log, version, stopped }: NodeDependencies,
  { acceptor, identity }: DataDirectory,
): Promise<Epoch | undefined> {
  if (acceptor.loadEpochs(firstGroup).length > 0) return undefined
  const admitted = await waitForAdmission(config, version, log.logger, stopped)
  if (admitted === undefined) return undefined
  const { clusterId, epoch } = admitted
  if (clusterId === identity.clusterId && isMember(epoch, identity.nodeId)) return epoch
  throw new PaxosError('DATA_DIR_REFUSED', `Node ${identity.name} was let into another cluster, or as another member`, {
    hint: 'It has promised nothing yet: remove its data directory and start it again.',
  })
}

/**
 * The epochs that the directory knows; a new one begins with `first`. A configuration that says otherwise of the first is not
 * for this directory. Those after it are the cluster's own business. Undefined when it knows none, and there is none to begin
 * with.
 */
export async function settleEpochs(
  { acceptor, identity }: DataDirectory,
  first: Epoch | undefined,
): Promise<readonly Epoch[] | undefined> {
  const stored = acceptor.loadEpochs(firstGroup)
  const [oldest] = stored
  if (oldest === undefined) {
    if (first === undefined) return undefined
    await acceptor.saveEpoch(firstGroup, first)
    return [first]
  }
  // A cluster begins at the level of the version that it begins with: that is no matter of configuration.
  const configured = first === undefined ? undefined : { ...first, featureLevel: oldest.featureLevel }
  if (oldest.number !== configured?.number || equalBytes(encodeEpoch(oldest), encodeEpoch(configured))) return stored
  throw new PaxosError('DATA_DIR_REFUSED', `The configuration differs from what node ${identity.name} last ran with`, {
    hint: 'bootstrapMembers, q1, q2 and leaseMs say how the cluster began. Put the old configuration back; `paxos epoch change` changes them.',
  })
}
