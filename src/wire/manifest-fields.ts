import { parseJson } from './backup-codec.ts'
import { badFrame } from './frame-error.ts'

/** Gives out the fields of a manifest, each checked. Throws PaxosError BAD_FRAME, also for what is no manifest. */
export function manifestFields(payload: Uint8Array): <T>(name: string, is: (field: unknown) => field is T) => T {
  const value = parseJson(payload)
  if (value === undefined) throw badFrame('the manifest is not JSON')
  return (name, is) => {
    const field = value[name]
    if (is(field)) return field
    throw badFrame(`the manifest says nothing sensible about ${name}`)
  }
}

export function isShortText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 256
}

export function isSha256(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}

/** A value of the hash chain. */
export function isChain(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)
}

export function isConsistency(value: unknown): value is 'linearizable' | 'stale' {
  return value === 'linearizable' || value === 'stale'
}
