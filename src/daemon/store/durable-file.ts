import { open, rename } from 'node:fs/promises'
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

/** After a crash the file holds the old text or the new, whole. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const half = `${path}.tmp`
  const file = await open(half, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(half, path)
  await syncDirectory(dirname(path))
}
