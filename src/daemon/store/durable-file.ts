import type { Stats } from 'node:fs'
import { type FileHandle, mkdir, open, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes the names in a directory durable: what was created, renamed or removed in it. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/**
 * With what is missing above it, each name made durable. Not by Node's own `recursive`, which never ends where a directory
 * takes no new one and says ENOENT, as /proc does.
 */
export async function makeDirectory(path: string): Promise<void> {
  if (await isThere(path)) return
  const above = dirname(path)
  await makeDirectory(above)
  await mkdir(path, { mode: 0o700 }).catch(async (error: unknown) => {
    if (!(await isThere(path))) throw error
  })
  await syncDirectory(above)
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}

/** After a crash the file holds the old text or the new, whole. It belongs to whom it belonged: a node must be able to read it. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const half = `${path}.tmp`
  const owner = (await isThere(path)) ? await stat(path) : undefined
  const file = await open(half, 'w', 0o600)
  try {
    await file.writeFile(text)
    if (owner !== undefined) await giveTo(file, owner)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(half, path)
  await syncDirectory(dirname(path))
}

/** A new file gets the owner of what it belongs to. Others than root cannot give files away, and need not. */
export async function giveTo(file: FileHandle, owner: Stats): Promise<void> {
  const own = await file.stat()
  const isGiven = (owner.uid !== own.uid || owner.gid !== own.gid) && process.getuid?.() === 0
  if (isGiven) await file.chown(owner.uid, owner.gid)
}
