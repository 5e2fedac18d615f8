import { PaxosError } from '../../base/error.ts'
import type { AdminClient } from '../../client/admin.ts'
import type { Survivor } from '../../protocol/recovery/survivor.ts'
import type { StatusJson } from '../../wire/api-types.ts'

export interface FoundSurvivor {
  readonly survivor: Survivor
  /** Where its state was read: a directory, or an endpoint. */
  readonly source: string
  /** What it sees of the others; undefined for a directory. */
  readonly status: StatusJson | undefined
}

export interface SurvivorSources {
  /** Of stopped nodes. */
  readonly dataDirs: readonly string[]
  /** Of running ones; those that do not answer are left out. */
  readonly endpoints: readonly string[]
}

/** Throws PaxosError DATA_DIR_REFUSED; CANNOT_CONNECT when nobody at all is found. */
export async function findSurvivors(
  { dataDirs, endpoints }: SurvivorSources,
  admin: AdminClient,
  onSilent: (error: PaxosError) => void,
): Promise<readonly FoundSurvivor[]> {
  const { readDirectorySurvivor } = await import('../../daemon/recovery/directory-survivor.ts')
  const { readSurvivor } = await import('../../wire/survivor-json.ts')
  const found: FoundSurvivor[] = []
  for (const path of dataDirs) {
    found.push({ survivor: await readDirectorySurvivor(path), source: path, status: undefined })
  }
  let silence: PaxosError | undefined
  for (const endpoint of new Set(endpoints)) {
    try {
      const survivor = readSurvivor(await admin.recovery(endpoint))
      // Two endpoints may be one process, by its port and by its socket.
      const newest = survivor.incarnations.at(-1)?.incarnationId
      const isKnown = found.some((other) => {
        return other.survivor.id === survivor.id && other.survivor.incarnations.at(-1)?.incarnationId === newest
      })
      if (!isKnown) found.push({ survivor, source: endpoint, status: await admin.status(endpoint) })
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
      silence = error
      onSilent(error)
    }
  }
  if (found.length > 0 || silence === undefined) return found
  throw silence
}
