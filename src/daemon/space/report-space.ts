import type { ReplicaStatus } from '../../runtime/replica-service.ts'
import type { SpaceJson } from '../../wire/api-types.ts'
import type { DataDirectory } from '../store/data-directory.ts'
import { diskOf } from '../store/directory-files.ts'
import type { SpaceWatch } from './space-watch.ts'

export interface SpaceReportSources {
  readonly clusterId: string
  readonly node: string
  readonly dataDir: string
  readonly freeMinBytes: number
  readonly directory: Pick<DataDirectory, 'acceptor' | 'state'>
  readonly watch: SpaceWatch
  status(): ReplicaStatus
}

/** Rejects when the data directory cannot be looked at. */
export async function reportSpace(sources: SpaceReportSources): Promise<SpaceJson> {
  const { clusterId, node, dataDir, freeMinBytes, directory, watch } = sources
  const { freeBytes, totalBytes } = await diskOf(dataDir)
  const { revision, engine, truncatedUpTo } = sources.status()
  return {
    clusterId,
    node,
    revision,
    acceptor: directory.acceptor.usage(),
    state: directory.state.usage(),
    log: { slots: Math.max(engine.votedUpTo, engine.chosenUpTo) - truncatedUpTo, bytes: engine.logBytes },
    disk: { freeBytes, totalBytes, freeMinBytes },
    ...watch.forecast(),
  }
}
