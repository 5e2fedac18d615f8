import { PaxosError } from '../../base/error.ts'
import type { AdminClient } from '../../client/admin.ts'
import { detailBytesMax } from '../../protocol/origin.ts'
import type { AuditNotedJson, NoteAction } from '../../wire/audit-types.ts'

/** Throws PaxosError USAGE. */
export function checkNote(text: string): void {
  if (text.trim() === '') throw new PaxosError('USAGE', 'A note needs some text')
  const bytes = Buffer.byteLength(text)
  if (bytes > detailBytesMax)
    throw new PaxosError('USAGE', `A note has at most ${detailBytesMax} bytes, this one ${bytes}`)
}

/** Asks one node after the other, but only as long as it is certain that nothing was recorded. */
export async function writeNote(
  admin: AdminClient,
  endpoints: readonly string[],
  action: NoteAction,
  detail: string,
): Promise<AuditNotedJson> {
  const left = [...endpoints]
  for (;;) {
    const endpoint = left.shift() ?? ''
    try {
      return await admin.note(endpoint, action, detail)
    } catch (error) {
      const isNotDone = error instanceof PaxosError && (error.code === 'CANNOT_CONNECT' || error.code === 'STOPPING')
      if (!isNotDone || left.length === 0) throw error
    }
  }
}

/** For what is done whether it can be recorded or not. Gives the reason when it could not be. */
export async function tryNote(...note: Parameters<typeof writeNote>): Promise<string | undefined> {
  try {
    await writeNote(...note)
    return undefined
  } catch (error) {
    if (!(error instanceof PaxosError)) throw error
    // There is no trail yet.
    return error.code === 'PRECONDITION_FAILED' ? undefined : error.message
  }
}
