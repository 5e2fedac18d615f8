import type { ReadOnlyDirectory } from '../daemon/store/data-directory.ts'
import { acceptorIds, type Epoch } from '../protocol/epoch.ts'
import { firstGroup } from '../protocol/ids.ts'
import type { EpochsJson, GroupStatusJson, StatusJson } from '../wire/api-types.ts'

/** What a stopped node would say of itself, from its data directory, in the form in which it says it while it runs. */
export interface StoppedNode {
  readonly status: StatusJson
  /** All that it knows. */
  readonly epochs: EpochsJson
}

/** Writes nothing; refused while the node runs. */
export async function readStoppedNode(path: string): Promise<StoppedNode> {
  const { openDataDirectoryReadOnly } = await import('../daemon/store/data-directory.ts')
  const directory = await openDataDirectoryReadOnly({ path })
  try {
    const { identity } = directory
    const epochs = directory.epochs(firstGroup)
    const { fromEpoch } = await import('../wire/epoch-json.ts')
    return {
      status: await statusOf(directory, epochs),
      epochs: { clusterId: identity.clusterId, group: firstGroup, epochs: epochs.map(fromEpoch) },
    }
  } finally {
    await directory.close()
  }
}

async function statusOf(directory: ReadOnlyDirectory, epochs: readonly Epoch[]): Promise<StatusJson> {
  const { clusterId, name, nodeId } = directory.identity
  const { featureLevels } = await import('../protocol/feature-level.ts')
  const newest = epochs.at(-1)
  const self = newest?.members.find(({ id }) => id === nodeId)
  return {
    clusterId,
    node: {
      ...{ name, id: String(nodeId), pid: 0, incarnation: directory.incarnation ?? 0, version: 'none' },
      ...{ clientAddress: '', peerAddress: self?.peerAddress ?? '', featureLevels },
    },
    groups: newest === undefined ? [] : [await groupOf(directory, newest)],
    members: (newest?.members ?? []).map(({ id, name: member, kind, peerAddress }) => ({
      ...{ name: member, id: String(id), kind, peerAddress },
      ...{ clientAddress: null, reachable: false, lagSlots: null },
    })),
  }
}

async function groupOf(directory: ReadOnlyDirectory, epoch: Epoch): Promise<GroupStatusJson> {
  const { formatBallot, zeroBallot } = await import('../protocol/ballot.ts')
  const { metaOf } = await import('../machine/records.ts')
  const { recordKind, sessionRange } = await import('../machine/layout.ts')
  const { openLogs } = await import('./open-logs.ts')
  const { promised, chosenUpTo, votes } = directory.load(firstGroup, epoch.number)
  const { appliedUpTo, revision, compactedRevision } = metaOf(directory.view)
  const ballot = formatBallot(promised ?? zeroBallot(epoch.number))
  const { number, protocol, featureLevel, q1, q2, leaseMs } = epoch
  let sessions = 0
  for (const [key] of directory.view.range(sessionRange.start, sessionRange.end)) {
    if (recordKind(key) === 'session') sessions++
  }
  return {
    ...{ group: firstGroup, epoch: number, featureLevel, protocol, q1, q2, leaseMs },
    role: acceptorIds(epoch).has(directory.identity.nodeId) ? 'follower' : 'learner',
    ...{ leader: null, ballot, promised: ballot, steady: false, notReady: 'the node is stopped' },
    ...{ chosen: Math.max(chosenUpTo, appliedUpTo), applied: appliedUpTo, durable: appliedUpTo },
    ...{
      truncated: openLogs(directory)[0]?.log.truncatedUpTo ?? 0,
      revision,
      compactedRevision,
      sessions,
      verifiedUpTo: null,
      diverged: [],
    },
    logBytes: votes.reduce((sum, { entry }) => sum + entry.payload.length, 0),
    ...{ openSlots: 0, elections: 0, queuedRequests: 0, queuedReads: 0 },
  }
}
