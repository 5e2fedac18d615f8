import { lstat, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DiskJson, FileJson } from '../../wire/api-types.ts'
import { acceptorFile } from './directory-identity.ts'
import { fileSystemSpace } from './file-system-space.ts'
import { journalFile } from './journal-file.ts'
import { stateFile } from './lmdb-state-store.ts'

/** The directory and what lies in it, by name. What vanishes meanwhile is left out. */
export async function listFiles(path: string): Promise<readonly FileJson[]> {
  const names = await readdir(path)
  const files = await Promise.all(['.', ...names.sort()].map((name) => describe(path, name)))
  return files.filter((file) => file !== undefined)
}

/** Space for this user, and the sizes of the node's own files; 0 for one that is not there. */
export async function diskOf(path: string): Promise<DiskJson> {
  const [space, treeBytes, journalBytes, stateBytes] = await Promise.all([
    fileSystemSpace(path),
    sizeOf(join(path, acceptorFile)),
    sizeOf(join(path, journalFile)),
    sizeOf(join(path, stateFile)),
  ])
  return { ...space, acceptorBytes: treeBytes + journalBytes, stateBytes }
}

async function describe(directory: string, name: string): Promise<FileJson | undefined> {
  // Not a link's target: who may replace the link decides what it is.
  const found = await (name === '.' ? stat(directory) : lstat(join(directory, name))).catch(missing)
  if (found === undefined) return undefined
  const kind = found.isDirectory() ? 'directory' : found.isFile() ? 'file' : found.isSocket() ? 'socket' : 'other'
  return { name, kind, mode: (found.mode & 0o7777).toString(8).padStart(4, '0'), uid: found.uid }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(missing))?.size ?? 0
}

function missing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}
