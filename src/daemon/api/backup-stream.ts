import type { ServerResponse } from 'node:http'
import type { StateSnapshot } from '../../runtime/ports.ts'
import { takeSnapshot } from '../backup/take-snapshot.ts'
import type { ApiState } from './api-state.ts'
import type { ApiContext } from './context.ts'
import type { HttpExchange } from './http-exchange.ts'
import { waitForReader } from './slow-reader.ts'

type Consistency = 'linearizable' | 'stale'

/** Calls `body` with a snapshot, which it closes, and one of the few places for backups, until `release` is called. */
export function withBackupPlace(
  exchange: HttpExchange,
  state: ApiState,
  consistency: Consistency,
  body: (snapshot: StateSnapshot, release: () => void) => void,
): void {
  const { replica, limits } = state.context
  if (state.backups >= limits.backupsMax) {
    exchange.error('OVERLOADED', `${state.backups} backups are being read from this node already`)
    return
  }
  state.backups++
  takeSnapshot(replica, consistency, limits.requestTimeoutMs, (outcome) => {
    const release = (): void => void state.backups--
    if (outcome.kind === 'taken' && !exchange.abandoned) {
      body(outcome.snapshot, release)
      return
    }
    release()
    if (outcome.kind === 'taken') outcome.snapshot.close()
    else exchange.error(outcome.code, outcome.message, outcome.hint)
  })
}

/** What a backup says of where it comes from. */
export function backupOriginOf(
  { node, clusterId, replica }: ApiContext,
  consistency: Consistency,
): {
  readonly program: string
  readonly clusterId: string
  readonly node: string
  readonly group: string
  readonly epoch: number
  readonly consistency: Consistency
  readonly createdAt: string
} {
  const { group, epoch } = replica.status()
  const place = { program: node.version, clusterId, node: node.name, group, epoch: epoch.number }
  return { ...place, consistency, createdAt: new Date().toISOString() }
}

/** Answers with the frames, each when the reader has room for it. */
export function streamBackup(
  exchange: HttpExchange,
  { logger }: ApiContext,
  frames: AsyncIterable<Uint8Array>,
  close: () => void,
): void {
  const response = exchange.stream('application/octet-stream')
  const startedAt = performance.now()
  sendFrames(response, frames)
    .then(
      (bytes) => {
        const fields = { bytes, ms: Math.round(performance.now() - startedAt) }
        if (bytes === undefined) logger.warn({}, 'a backup was cut short: its reader went away')
        else logger.info(fields, 'a backup was read')
      },
      (err: unknown) => {
        logger.warn({ err }, 'a backup was cut short')
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
