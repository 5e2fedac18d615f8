import type { AdminAction } from '../../machine/audit-record.ts'
import { encodeRequest } from '../../machine/command-codec.ts'
import { detailBytesMax, type Origin } from '../../protocol/origin.ts'
import type { Outcome } from '../../runtime/peer-message.ts'
import { hasTrail } from './audit-origin.ts'
import type { ApiContext } from './context.ts'

/** How long something waits for the record of it, which may need a quorum that there is not. */
const waitMs = 1000

/** Records what an operator did and the log does not hold otherwise. A record that cannot be made is a warning. */
export function note(context: ApiContext, origin: Origin, action: AdminAction, detail: string): void {
  if (hasTrail(context)) submitNote(context, origin, action, detail, context.limits.requestTimeoutMs, () => {})
}

/** Records what is about to be done, and goes on when it is recorded, or cannot be for now; never within a step of the engine. */
export function noteFirst(
  context: ApiContext,
  origin: Origin,
  action: AdminAction,
  detail: string,
  goOn: () => void,
): void {
  if (hasTrail(context)) submitNote(context, origin, action, detail, waitMs, () => setImmediate(goOn))
  else goOn()
}

export function submitNote(
  { replica, logger }: ApiContext,
  origin: Origin,
  action: AdminAction,
  detail: string,
  timeoutMs: number,
  done: (outcome: Outcome) => void,
): void {
  const command = { kind: 'note', action, detail: detailText(detail) } as const
  replica.submit(encodeRequest({ session: undefined, command, origin }), timeoutMs, (outcome) => {
    if (outcome.kind === 'failed') {
      const { actor, address } = origin
      logger.warn(
        { action, detail, actor, address, reason: outcome.message },
        'something may be missing in the audit trail',
      )
    }
    done(outcome)
  })
}

/** As the machine takes it: bytes of UTF-8, cut where there are too many. */
export function detailText(text: string): string {
  let bytes = Buffer.from(text, 'utf8')
  if (bytes.length > detailBytesMax) {
    let end = detailBytesMax
    // Not within a character.
    while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
    bytes = bytes.subarray(0, end)
  }
  return bytes.toString('latin1')
}
