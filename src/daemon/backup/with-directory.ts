import { type DataDirectory, type DataDirectoryOptions, openDataDirectory } from '../store/data-directory.ts'

/** Opens a directory for the time of `body`, which fails when the disk does, whatever it waits for. */
export async function withDirectory(
  options: Pick<DataDirectoryOptions, 'path' | 'expected'>,
  body: (directory: DataDirectory) => Promise<void>,
): Promise<void> {
  const { promise: failed, reject: onFailure } = Promise.withResolvers<never>()
  failed.catch(() => {})
  const directory = await openDataDirectory({ ...options, onFailure })
  try {
    await Promise.race([body(directory), failed])
  } finally {
    await directory.close()
  }
}
