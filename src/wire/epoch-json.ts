import type { Epoch } from '../protocol/epoch.ts'
import { decodeEpoch } from '../protocol/epoch-codec.ts'
import type { EpochJson } from './api-types.ts'

/** As the API shows an epoch: ids are text there. */
export function fromEpoch(epoch: Epoch): EpochJson {
  const { number, protocol, members, q1, q2, leaseMs, featureLevel, highestId, startSlot } = epoch
  const each = members.map(({ id, name, peerAddress, kind }) => ({ name, id: String(id), kind, peerAddress }))
  return {
    ...{ epoch: number, protocol, q1, q2, leaseMs, featureLevel },
    ...{ members: each, highestId: String(highestId), startSlot },
  }
}

/** The epoch that a node shows, or undefined when it is none that this version knows. */
export function toEpoch(shown: unknown): Epoch | undefined {
  if (typeof shown !== 'object' || shown === null) return undefined
  const { epoch: number, members, highestId, ...rest } = shown as Record<string, unknown>
  if (!Array.isArray(members)) return undefined
  const numbered = members.map((member: unknown) => {
    const known = typeof member === 'object' && member !== null ? member : {}
    return { ...known, id: Number('id' in known ? known.id : Number.NaN) }
  })
  const record = { ...rest, number, members: numbered, highestId: Number(highestId) }
  return decodeEpoch(new TextEncoder().encode(JSON.stringify(record)))
}
