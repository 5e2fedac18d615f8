/**
 * Turns an empty directory into one of a node, at once or not at all.
 *
 * Everything is built in `restore.tmp` below it, made durable, and moved up; identity.json comes last, in one rename.
 * Until then no node starts here, and running the restore again begins anew:
 *
 * - `restore.tmp`, no identity.json anywhere: still building. Nothing is outside of it.
 * - `restore.tmp/identity.json`: built; files may have been moved up. They are ours, since the directory was empty.
 * - `identity.json`: finished. An empty `restore.tmp` may be left and means nothing.
 */
import { type Dirent, existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { restoreWork } from '../store/data-directory.ts'
import { acceptorFile, refused } from '../store/directory-identity.ts'
import { lockDirectory, lockFile, lockSocket } from '../store/directory-lock.ts'
import { makeDirectory, syncDirectory } from '../store/durable-file.ts'
import { reasonOf } from '../store/environment.ts'
import { identityFile } from '../store/identity.ts'
import { journalFile } from '../store/journal-file.ts'
import { stateFile } from '../store/lmdb-state-store.ts'

export type DirectoryFinding =
  /** It is empty, or not there. */
  | { readonly kind: 'empty' }
  /** An earlier restore was interrupted in it; what it left is removed. */
  | { readonly kind: 'interrupted' }
  /** A node's, and whole. */
  | { readonly kind: 'node' }

/** In the order in which they are moved. */
const files = [stateFile, acceptorFile, journalFile]

const harmless = new Set([lockSocket, lockFile, 'lost+found', restoreWork])

/** Changes nothing. Throws PaxosError DATA_DIR_REFUSED when something else is in it. */
export async function findDirectory(path: string): Promise<DirectoryFinding> {
  const names = await namesIn(path)
  if (names.includes(identityFile)) return { kind: 'node' }
  const isInterrupted = names.includes(restoreWork)
  const isMoving = isInterrupted && existsSync(join(path, restoreWork, identityFile))
  const ours = isMoving ? files : []
  const foreign = names.filter((name) => !harmless.has(name) && !ours.includes(name))
  if (foreign.length > 0) {
    throw refused(path, `it is not empty, but holds ${foreign.slice(0, 3).join(', ')}`, {
      hint: 'A restore wants an empty directory, or one that does not exist.',
    })
  }
  return { kind: isInterrupted ? 'interrupted' : 'empty' }
}

/** Calls `build` with the directory to build a node in. Throws PaxosError DATA_DIR_REFUSED. */
export async function buildDirectory(path: string, build: (work: string) => Promise<void>): Promise<void> {
  const directory = resolve(path)
  await makeDirectory(directory).catch((cause: unknown) => {
    throw refused(directory, `it cannot be created: ${reasonOf(cause)}`, {
      hint: 'Check owner and permissions.',
      cause,
    })
  })
  const lock = await lockDirectory(directory)
  try {
    await clear(directory)
    const work = join(directory, restoreWork)
    await mkdir(work, { mode: 0o700 })
    await syncDirectory(directory)
    await build(work)
    // Nobody has these files open any more, so what is in them is in the files themselves.
    for (const name of [stateFile, acceptorFile]) await rm(join(work, `${name}-lock`), { force: true })
    await syncDirectory(work)
    for (const name of files) await rename(join(work, name), join(directory, name))
    await syncDirectory(directory)
    await rename(join(work, identityFile), join(directory, identityFile))
    await syncDirectory(directory)
    await rm(work, { recursive: true })
  } finally {
    await lock.release()
  }
}

/** Looked at again, now that nobody else can change it. */
async function clear(directory: string): Promise<void> {
  const { kind } = await findDirectory(directory)
  if (kind === 'node') {
    throw refused(directory, 'a node is in it', { hint: 'A restore wants an empty directory.' })
  }
  if (kind === 'empty') return
  // In this order: while files of ours lie outside, what tells that they are is still there.
  for (const name of files) await rm(join(directory, name), { force: true })
  await syncDirectory(directory)
  await rm(join(directory, restoreWork), { recursive: true, force: true })
}

async function namesIn(path: string): Promise<readonly string[]> {
  let entries: readonly Dirent[]
  try {
    entries = await readdir(path, { withFileTypes: true })
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return []
    throw refused(path, `it cannot be read: ${reasonOf(cause)}`, { hint: 'Check the path and its permissions.', cause })
  }
  return entries.map((entry) => entry.name)
}
