import { access, constants } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { PaxosError } from '../base/error.ts'

/** Whether a new file can be made here, before the work for it is done. Makes none. Throws PaxosError USAGE. */
export async function checkWritable(path: string): Promise<void> {
  try {
    await access(dirname(resolve(path)), constants.W_OK | constants.X_OK)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    const reason = code === 'ENOENT' ? 'there is no such directory' : (code ?? cause)
    throw new PaxosError('USAGE', `Cannot write ${path}: ${reason}`, {
      hint: 'Choose a place that is writable and has room.',
      cause,
    })
  }
}
