/** What a chaos run must have kept, judged from the clients' history, the chosen log and the data. */
import { checkHistory } from '../../src/sim/linearizability/check.ts'
import { emptyStart, type History } from '../../src/sim/linearizability/history.ts'
import { showOperation } from '../../src/sim/linearizability/show.ts'
import { type Recorder, tokensOf, type Write } from './record.ts'

/** Operations in a history that the search takes as well, which trusts no revision. */
const searchedMax = 20_000

/** What was read of the chosen log. */
export interface ChosenLog {
  /** False when a part was never read: then it cannot say what is not in it. */
  readonly isWhole: boolean
  /** In how many commands the value stands. */
  count(value: string): number
}

export interface OwnKey {
  readonly key: string
  readonly version: number
}

/** The history that was judged; what the log settles is settled in it. */
export function historyOf(recorder: Recorder, log: ChosenLog): History {
  const operations = recorder.history((operation) => {
    const tokens = tokensOf(operation)
    if (tokens.length === 0 || !log.isWhole) return undefined
    return tokens.some((token) => log.count(token) > 0)
  })
  return { start: emptyStart, operations }
}

export function historyProblems(history: History): string[] {
  const by = history.operations.length <= searchedMax ? 'both' : 'replay'
  const verdict = checkHistory(history, { by })
  if (verdict.ok) return []
  const blocking = verdict.blocking.slice(0, 5).flatMap((index) => history.operations[index] ?? [])
  return [`${verdict.violation}: ${verdict.message}\n${blocking.map(showOperation).join('\n')}`]
}

/** What the log says against what clients were told. Empty when a part of the log was never read. */
export function logProblems(recorder: Recorder, log: ChosenLog, sessionClients: ReadonlySet<number>): string[] {
  if (!log.isWhole) return []
  return recorder.writes.flatMap((write) => {
    const problem = logProblem(write, log, sessionClients.has(write.operation.client))
    return problem === undefined ? [] : [`${problem}: ${showOperation(write.operation)}`]
  })
}

function logProblem({ operation, fate }: Write, log: ChosenLog, hasSession: boolean): string | undefined {
  const counts = tokensOf(operation).map((token) => log.count(token))
  if (fate === 'done' && counts.some((count) => count === 0)) return 'acknowledged, but not in the log'
  if (fate === 'refused' && operation.output === undefined && counts.some((count) => count > 0)) {
    return 'certainly not done, as its client was told, but in the log'
  }
  // A session's retry may stand in the log twice: the machine applies it once.
  if (!hasSession && counts.some((count) => count > 1)) return 'sent once, but twice in the log'
  return undefined
}

/**
 * The version of a key that one client only ever put must be the number of those puts: none lost, none done twice. What
 * was never answered and stands in the log was done, except in a session that was over by then, as after a clock jumped.
 */
export function ownKeyProblems(
  owns: readonly OwnKey[],
  recorder: Recorder,
  log: ChosenLog,
  sessionClients: ReadonlySet<number>,
): string[] {
  return owns.flatMap(({ key, version }) => {
    const writes = recorder.writes.filter(({ operation: { input } }) => input.kind === 'put' && input.key === key)
    const done = writes.filter(({ fate }) => fate === 'done').length
    const open = writes.filter(({ fate }) => fate === 'unknown')
    const logged = open.filter(({ operation }) => tokensOf(operation).some((token) => log.count(token) > 0))
    const certain = logged.filter(({ operation: { client } }) => !sessionClients.has(client))
    const low = log.isWhole ? done + certain.length : done
    const high = done + (log.isWhole ? logged : open).length
    if (version >= low && version <= high) return []
    return [`${key} has version ${version} after ${done} acknowledged writes and ${logged.length} more in the log`]
  })
}
