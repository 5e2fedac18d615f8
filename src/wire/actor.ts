import { isUtf8 } from 'node:buffer'
import { originBounds } from '../protocol/origin.ts'

/** Who a client says that it is, in UTF-8; also of the request that is upgraded to a stream. Nobody checks whether it is so. */
export const actorHeader = 'paxos-actor'

/** What is wrong with an actor; undefined when nothing is. Control and invisible characters could forge what is shown of it. */
export function actorProblem(actor: string): string | undefined {
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(actor)) return 'an actor has no control or invisible characters'
  const bytes = Buffer.byteLength(actor)
  return bytes > originBounds.actor ? `an actor has at most ${originBounds.actor} bytes, not ${bytes}` : undefined
}

/** Header values are bytes, one unit each. */
export function toActorHeader(actor: string): string {
  return Buffer.from(actor.trim(), 'utf8').toString('latin1')
}

/** The problem with the value of a header, or undefined. */
export function actorHeaderProblem(value: string): string | undefined {
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? actorProblem(bytes.toString('utf8')) : 'an actor is text in UTF-8'
}
