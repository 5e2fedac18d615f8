import { begunAfter, mergeEpochs, type Survivor } from '../../protocol/recovery/survivor.ts'
import type { Replica } from '../../runtime/replica.ts'
import type { DataDirectory } from '../store/data-directory.ts'
import { metOf } from './directory-survivor.ts'

/** What a recovery is planned from, of the node that runs here. It goes on changing as long as the node runs. */
export function liveSurvivor({ identity, incarnations, peerIncarnations }: DataDirectory, replica: Replica): Survivor {
  const { nodeId: id, name, clusterId, diskId } = identity
  const logs = replica.survivorLogs()
  return {
    ...{ id, name, clusterId, diskId },
    appliedUpTo: replica.status().durableUpTo,
    epochs: mergeEpochs(
      replica.epochs(),
      logs.flatMap(({ votes }) => begunAfter(votes)),
    ),
    logs,
    incarnations: [...incarnations.earlier, incarnations.current],
    met: metOf(peerIncarnations.all()),
  }
}
