import { statfs } from 'node:fs/promises'

export interface FileSystemSpace {
  /** For this user; what is kept for root is not free. */
  readonly freeBytes: number
  readonly totalBytes: number
}

/** Of the file system that a path is on. */
export async function fileSystemSpace(path: string): Promise<FileSystemSpace> {
  const { bavail, blocks, bsize } = await statfs(path)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}
