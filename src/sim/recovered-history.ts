import type { Answer, Reply } from '../machine/request.ts'
import { recoveryGap } from '../machine/restored.ts'
import type { Slot } from '../protocol/ids.ts'
import type { ClientOperation } from './client.ts'

/** From where on what clients were told counts no more, and what of it does. */
export interface Loss {
  /** Answers of before came earlier. */
  readonly atMs: number
  readonly slot: Slot
  /** Of the machine, when it had applied everything below. */
  readonly revision: number
}

/**
 * An operation as the recovered cluster knows it. What was answered by something that is lost, or after it, may have been
 * done or not; such a read says nothing.
 */
export function afterLoss(operation: ClientOperation, { atMs, slot, revision }: Loss): ClientOperation | undefined {
  const { returnedAt, output } = operation
  if (returnedAt === undefined || returnedAt >= atMs || output === undefined) return operation
  if ('slot' in output)
    return output.slot < slot ? operation : { ...operation, returnedAt: undefined, output: undefined }
  return output.revision <= revision ? operation : undefined
}

/** Takes back by how much a recovery or a restore raised revisions: none is left out then. */
export function withoutGap(operation: ClientOperation): ClientOperation {
  const { output } = operation
  return output === undefined ? operation : { ...operation, output: lowered(output) }
}

export function lowered<T extends Reply | Answer>(output: T): T {
  return eachLowered(output) as T
}

function eachLowered(value: unknown): unknown {
  if (typeof value === 'number') return value % recoveryGap
  if (Array.isArray(value)) return value.map(eachLowered)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, eachLowered(each)]))
}
