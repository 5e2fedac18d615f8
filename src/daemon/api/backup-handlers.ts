import { PaxosError } from '../../base/error.ts'
import type { IncrementStart } from '../../wire/increment-manifest.ts'
import { isChain, isSha256 } from '../../wire/manifest-fields.ts'
import { backupFrames } from '../backup/backup-writer.ts'
import { ChosenLog } from '../backup/chosen-log.ts'
import { incrementFrames } from '../backup/increment-writer.ts'
import { planIncrement } from '../backup/plan-increment.ts'
import { snapshotMeta } from '../backup/snapshot-meta.ts'
import { consistencyOf } from './answer-query.ts'
import type { ApiState } from './api-state.ts'
import { note } from './audit-note.ts'
import { originOf } from './audit-origin.ts'
import { backupOriginOf, streamBackup, withBackupPlace } from './backup-stream.ts'
import { refuseBody } from './body.ts'
import { badRequest } from './errors.ts'
import type { HttpExchange } from './http-exchange.ts'
import { QueryParameters } from './target.ts'

export function getBackup(exchange: HttpExchange, state: ApiState): void {
  const consistency = consistencyOf(new QueryParameters(exchange.query, ['consistency']))
  refuseBody(exchange)
  const origin = originOf(exchange, state.context)
  withBackupPlace(exchange, state, consistency, (snapshot, release) => {
    const { context } = state
    // A place is one open snapshot: a reader that leaves the end of an answer in its socket has none.
    const close = (): void => {
      release()
      snapshot.close()
    }
    note(context, origin, 'backup', `${consistency}, up to slot ${snapshot.appliedUpTo}`)
    const frames = backupFrames(snapshot, backupOriginOf(context, consistency), context.limits.backupChunkBytes)
    streamBackup(exchange, context, frames, close)
  })
}

export function getIncrement(exchange: HttpExchange, state: ApiState): void {
  const parameters = new QueryParameters(exchange.query, ['consistency', 'from', 'base', 'chain'])
  const consistency = consistencyOf(parameters)
  const start = startOf(parameters)
  refuseBody(exchange)
  const origin = originOf(exchange, state.context)
  withBackupPlace(exchange, state, consistency, (snapshot, release) => {
    const { context } = state
    const meta = snapshotMeta(snapshot)
    // The entries are in the log; an open snapshot would only hold disk space.
    snapshot.close()
    const log = new ChosenLog(context.replica, context.keptLog)
    try {
      const end = planIncrement(log, start, meta)
      note(context, origin, 'backup', `${consistency} increment, up to slot ${meta.appliedUpTo}`)
      const frames = incrementFrames(
        log,
        backupOriginOf(context, consistency),
        start,
        end,
        context.limits.backupChunkBytes,
      )
      streamBackup(exchange, context, frames, release)
    } catch (error) {
      release()
      if (!(error instanceof PaxosError)) throw error
      exchange.error(error.code, error.message, error.hint)
    }
  })
}

/** Throws PaxosError BAD_REQUEST. */
function startOf(parameters: QueryParameters): IncrementStart {
  const from = parameters.integer('from', 0)
  const [base, chainBefore] = [parameters.get('base'), parameters.get('chain')]
  if (from === undefined)
    throw badRequest('Query parameter "from" is wanted: the first slot that the base does not have')
  if (!isSha256(base)) throw badRequest('Query parameter "base" must be 64 hexadecimal digits: the id of the base')
  if (!isChain(chainBefore)) {
    throw badRequest('Query parameter "chain" must be 32 hexadecimal digits: the hash chain where the base ends')
  }
  return { base, from, chainBefore }
}
