import { PartialFile } from './partial-file.ts'

/** Writes a file, durably, and says what it holds. Undefined when `isStopped` meanwhile: then there is no file. */
export async function writeFrames<T>(
  path: string,
  frames: AsyncGenerator<Uint8Array, T, undefined>,
  isStopped: () => boolean,
): Promise<T | undefined> {
  const file = await PartialFile.create(path)
  try {
    for (;;) {
      const { done, value } = await frames.next()
      if (isStopped()) return undefined
      if (done === true) {
        await file.finish()
        return value
      }
      await file.write(value)
    }
  } finally {
    await file.discard()
  }
}
