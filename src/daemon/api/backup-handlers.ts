import type { ServerResponse } from 'node:http'
import type { StateSnapshot } from '../../runtime/ports.ts'
import { backupFrames } from '../backup/backup-writer.ts'
import { takeSnapshot } from '../backup/take-snapshot.ts'
import type { ApiState } from './api-state.ts'
import { note } from './audit-note.ts'
import { originOf } from './audit-origin.ts'
import { refuseBody } from './body.ts'
import type { Exchange } from './exchange.ts'
import { consistencyOf } from './kv-handlers.ts'
import { waitForReader } from './slow-reader.ts'
import { QueryParameters } from './target.ts'

export function getBackup(exchange: Exchange, state: ApiState): void {
  const consistency = consistencyOf(new QueryParameters(exchange.query, ['consistency']))
  refuseBody(exchange)
  const origin = originOf(exchange, state.context)
  const { replica, limits } = state.context
  if (state.backups >= limits.backupsMax) {
    exchange.error('OVERLOADED', `${state.backups} backups are being read from this node already`)
    return
  }
  state.backups++
  takeSnapshot(replica, consistency, limits.requestTimeoutMs, (outcome) => {
    // A place is one open snapshot: a reader that leaves the end of an answer in its socket has none.
    const close = (): void => {
      state.backups--
      if (outcome.kind === 'taken') outcome.snapshot.close()
    }
    if (outcome.kind === 'taken' && !exchange.abandoned) {
      note(state.context, origin, 'backup', `${consistency}, up to slot ${outcome.snapshot.appliedUpTo}`)
      stream(exchange, state, outcome.snapshot, consistency, close)
      return
    }
    close()
    if (outcome.kind === 'failed') exchange.error(outcome.code, outcome.message, outcome.hint)
  })
}

function stream(
  exchange: Exchange,
  { context }: ApiState,
  snapshot: StateSnapshot,
  consistency: 'linearizable' | 'stale',
  close: () => void,
): void {
  const { group, epoch } = context.replica.status()
  const origin = {
    program: context.node.version,
    clusterId: context.clusterId,
    node: context.node.name,
    group,
    epoch: epoch.number,
    consistency,
    createdAt: new Date().toISOString(),
  }
  const response = exchange.stream('application/octet-stream')
  const startedAt = performance.now()
  sendFrames(response, backupFrames(snapshot, origin, context.limits.backupChunkBytes))
    .then(
      (bytes) => {
        const fields = { bytes, ms: Math.round(performance.now() - startedAt) }
        if (bytes === undefined) context.logger.warn({}, 'a backup was cut short: its reader went away')
        else context.logger.info(fields, 'a backup was read')
      },
      (err: unknown) => {
        context.logger.warn({ err }, 'a backup was cut short')
        // The reader learns it by the missing end.
        response.destroy()
      },
    )
    .finally(close)
}

/** Resolves with the bytes that were sent, undefined when nobody takes them any more. */
async function sendFrames(response: ServerResponse, frames: AsyncIterable<Uint8Array>): Promise<number | undefined> {
  let bytes = 0
  for await (const frame of frames) {
    if (response.destroyed) return undefined
    bytes += frame.length
    if (!response.write(frame)) await readerHasRoom(response)
    if (response.destroyed) return undefined
  }
  response.end()
  return bytes
}

/** Resolves as well when the reader goes. */
function readerHasRoom(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('close', resolve)
    waitForReader(response, () => {
      response.off('close', resolve)
      resolve()
    })
  })
}
