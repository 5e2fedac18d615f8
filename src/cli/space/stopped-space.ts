import { toBinary } from '../../base/bytes.ts'
import { firstGroup } from '../../protocol/ids.ts'
import type { SpaceJson, StoreUsageJson } from '../../wire/api-types.ts'
import { textOrBase64 } from '../output.ts'
import { ContentCount } from './content-count.ts'
import { type ContentView, type CountWanted, viewOf } from './count-content.ts'

export interface StoppedSpace {
  readonly space: SpaceJson
  readonly contents: readonly ContentView[]
}

const recordsMax = 20_000

/** What the directory of a stopped node takes. Writes nothing; refused while the node runs. */
export async function readStoppedSpace(path: string, wanted: readonly CountWanted[]): Promise<StoppedSpace> {
  const { openDataDirectoryReadOnly } = await import('../../daemon/store/data-directory.ts')
  const { diskOf } = await import('../../daemon/store/directory-files.ts')
  const { limitSettings } = await import('../../daemon/config-table.ts')
  const { walkSpace } = await import('../../daemon/space/walk-space.ts')
  const { metaOf } = await import('../../machine/records.ts')
  const directory = await openDataDirectoryReadOnly({ path })
  try {
    const { name, clusterId } = directory.identity
    const { revision } = metaOf(directory.view)
    const { freeBytes, totalBytes } = await diskOf(path)
    const votes = directory.epochs(firstGroup).flatMap(({ number }) => directory.load(firstGroup, number).votes)
    const space: SpaceJson = {
      clusterId,
      node: name,
      revision,
      acceptor: directory.acceptorUsage(),
      state: directory.stateUsage() ?? noUsage,
      log: { slots: votes.length, bytes: votes.reduce((sum, { entry }) => sum + entry.payload.length, 0) },
      disk: { freeBytes, totalBytes, freeMinBytes: limitSettings.freeSpaceMinBytes.fallback ?? 0 },
      growthBytesPerHour: null,
      diskLossBytesPerHour: null,
      full: null,
      quota: null,
      refusing: null,
    }
    const contents: ContentView[] = []
    for (const each of wanted) {
      const prefix = toBinary(Buffer.from(each.prefix, 'utf8'))
      const count = new ContentCount(prefix.length, each.depth)
      const deadline = performance.now() + each.timeMs
      const pace = { recordsMax, sliceMs: Number.POSITIVE_INFINITY, pauseMs: () => 0, isWanted: () => true }
      let after: string | undefined
      do {
        const depth = Math.max(1, count.depth)
        const page = await walkSpace(directory.stateSizes, { prefix, depth, after }, pace)
        const { items, history, sessions, audit, other, prefixes } = page.tally
        count.add({
          ...{ records: page.records, revision, items, history, sessions, audit, other },
          prefixes: prefixes.map(({ prefix: found, ...tallies }) => ({
            ...textOrBase64('prefix', Buffer.from(found, 'latin1')),
            ...tallies,
          })),
        })
        after = page.next
        each.onProgress?.(count.records)
      } while (after !== undefined && performance.now() < deadline)
      contents.push(viewOf(count, each, name, after === undefined))
    }
    return { space, contents }
  } finally {
    await directory.close()
  }
}

const noUsage: StoreUsageJson = { bytes: 0, usedBytes: 0, freeBytes: 0, records: 0 }
