import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { firstGroup } from '../../protocol/ids.ts'
import type { DirectoryFacts } from './directory-checks.ts'

type Contents = Pick<DirectoryFacts, 'name' | 'clusterId' | 'refusal' | 'logs' | 'state'>

/**
 * Reads every record of a stopped node's directory, and changes none. Throws PaxosError CANNOT_CONNECT when there is no
 * such directory, DATA_DIR_REFUSED when a node runs on it.
 */
export async function examineDirectory(given: string): Promise<DirectoryFacts> {
  const path = resolve(given)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || !found.isDirectory()) {
    throw new PaxosError('CANNOT_CONNECT', `There is no data directory at ${path}`, {
      hint: 'Give the directory that the node has as dataDir, or --endpoints to ask running nodes.',
    })
  }
  const { diskOf, listFiles } = await import('../../daemon/store/directory-files.ts')
  const { limitSettings } = await import('../../daemon/config-table.ts')
  const { directoryFormat, identityFile } = await import('../../daemon/store/identity.ts')
  // Before it is opened: looking must not decide what is seen.
  const files = await listFiles(path)
  const contents = await readContents(path)
  return {
    path,
    ...contents,
    format: await readFormat(join(path, identityFile)),
    formatKnown: directoryFormat,
    uid: process.getuid === undefined ? -1 : found.uid,
    files,
    disk: await diskOf(path),
    freeMinBytes: limitSettings.freeSpaceMinBytes.fallback ?? 0,
  }
}

async function readContents(path: string): Promise<Contents> {
  const { openDataDirectoryReadOnly } = await import('../../daemon/store/data-directory.ts')
  const { metaOf } = await import('../../machine/records.ts')
  const nothing = { logs: [], state: { records: 0, damaged: [] } }
  let name: string | null = null
  let clusterId: string | null = null
  try {
    const directory = await openDataDirectoryReadOnly({ path })
    try {
      name = directory.identity.name
      clusterId = directory.identity.clusterId
      const logs = directory.epochs(firstGroup).map(({ number }) => {
        const { votes, unknown } = directory.load(firstGroup, number)
        return { epoch: number, votes: votes.length, unknown }
      })
      const state = directory.checkRest()
      // Whatever is whole must also be of a format that a node of this version takes.
      if (state.damaged.length === 0) metaOf(directory.view)
      return { name, clusterId, refusal: undefined, logs, state }
    } finally {
      await directory.close()
    }
  } catch (error) {
    if (!(error instanceof PaxosError) || error.code !== 'DATA_DIR_REFUSED') throw error
    await refuseWhenHeld(path)
    return { name, clusterId, refusal: { message: error.message, hint: error.hint }, ...nothing }
  }
}

/** A directory that is in use is whole as far as anyone knows: its node is the one to ask. Throws PaxosError DATA_DIR_REFUSED. */
async function refuseWhenHeld(path: string): Promise<void> {
  const { lockDirectory } = await import('../../daemon/store/directory-lock.ts')
  try {
    await (await lockDirectory(path, { isReading: true })).release()
  } catch (error) {
    // What is wrong with the directory itself is found by reading it.
    if (error instanceof PaxosError) throw error
  }
}

/** The number alone: a newer version may have written everything else in its own way. */
async function readFormat(path: string): Promise<number | undefined> {
  try {
    const identity: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (typeof identity !== 'object' || identity === null || !('formatVersion' in identity)) return undefined
    return typeof identity.formatVersion === 'number' ? identity.formatVersion : undefined
  } catch {
    return undefined
  }
}
