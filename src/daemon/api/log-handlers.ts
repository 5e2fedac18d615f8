import type { ServerResponse } from 'node:http'
import { toSlot } from '../../protocol/ids.ts'
import type { SlotRange } from '../../protocol/multipaxos/message.ts'
import type { ReplicaStatus } from '../../runtime/replica-service.ts'
import type { GapsJson } from '../../wire/api-types.ts'
import type { ApiState } from './api-state.ts'
import { refuseBody } from './body.ts'
import type { ApiContext } from './context.ts'
import { gapsJson } from './gaps-json.ts'
import type { HttpExchange } from './http-exchange.ts'
import { logLineJson, truncatedLine } from './log-line.ts'
import { slotVotesJson } from './slot-votes-json.ts'
import { waitForReader } from './slow-reader.ts'
import { QueryParameters, slotRangeOf } from './target.ts'

/** Slots that are decoded at a time: each may hold thousands of commands, and consensus must get its turn between. */
const pageSlots = 16
const followPollMs = 100

export function getLog(exchange: HttpExchange, state: ApiState): void {
  const parameters = new QueryParameters(exchange.query, ['from', 'to', 'follow', 'values'])
  const { from, to } = slotRangeOf(parameters)
  const follow = parameters.flag('follow')
  const withValues = parameters.flag('values')
  refuseBody(exchange)
  if (follow && state.followers.size >= state.context.limits.followersMax) {
    exchange.error('OVERLOADED', `${state.followers.size} requests follow the log already`)
    return
  }
  const status = state.context.replica.status()
  const start = from ?? (follow ? status.engine.chosenUpTo : status.truncatedUpTo)
  const end = to ?? (follow ? Number.MAX_SAFE_INTEGER : votedUpTo(status))
  if (follow) new LogFollower(exchange, state, start, end, withValues).run()
  else writeLog(exchange.stream(ndjson), state, start, Math.min(end, votedUpTo(status)), withValues)
}

const ndjson = 'application/x-ndjson'

function votedUpTo({ engine }: ReplicaStatus): number {
  return Math.max(engine.votedUpTo, engine.chosenUpTo)
}

function writeLog(response: ServerResponse, state: ApiState, from: number, to: number, withValues: boolean): void {
  let at = from
  const step = (): void => {
    if (response.destroyed) return
    if (at >= to) {
      response.end()
      return
    }
    const page = readPage(state, at, to, withValues)
    at = page.next
    if (response.write(page.text)) setImmediate(step)
    else waitForReader(response, step)
  }
  step()
}

/** Writes slots as they become chosen, until the client goes, `to` is reached or the server stops. */
class LogFollower {
  readonly #response: ServerResponse
  readonly #state: ApiState
  readonly #to: number
  readonly #withValues: boolean
  readonly #end = (): void => this.#finish()
  #at: number
  #timer: NodeJS.Timeout | undefined

  constructor(exchange: HttpExchange, state: ApiState, from: number, to: number, withValues: boolean) {
    this.#response = exchange.stream(ndjson)
    this.#state = state
    this.#at = from
    this.#to = to
    this.#withValues = withValues
  }

  run(): void {
    this.#state.followers.add(this.#end)
    this.#response.once('close', this.#end)
    this.#response.flushHeaders()
    this.#step()
  }

  #step(): void {
    if (this.#response.destroyed || this.#response.writableEnded) return
    const chosen = Math.min(this.#state.context.replica.status().engine.chosenUpTo, this.#to)
    if (this.#at < chosen) {
      const page = readPage(this.#state, this.#at, chosen, this.#withValues)
      this.#at = page.next
      if (this.#response.write(page.text)) setImmediate(() => this.#step())
      else waitForReader(this.#response, () => this.#step())
    } else if (this.#at >= this.#to) this.#finish()
    else this.#timer = setTimeout(() => this.#step(), followPollMs)
  }

  #finish(): void {
    clearTimeout(this.#timer)
    this.#state.followers.delete(this.#end)
    if (!this.#response.destroyed) this.#response.end()
  }
}

function readPage(
  { context }: ApiState,
  from: number,
  to: number,
  withValues: boolean,
): { readonly text: string; readonly next: number } {
  const status = context.replica.status()
  const truncated = Math.min(status.truncatedUpTo, to)
  if (from < truncated) {
    return { text: `${JSON.stringify(truncatedLine(from, truncated))}\n`, next: truncated }
  }
  const next = Math.min(to, from + pageSlots)
  let text = ''
  for (const line of context.replica.log({ from: toSlot(from), to: toSlot(next) })) {
    text += `${JSON.stringify(logLineJson(line, withValues))}\n`
  }
  return { text, next }
}

export function getGaps(exchange: HttpExchange, { context }: ApiState): void {
  const range = slotRangeOf(new QueryParameters(exchange.query, ['from', 'to']))
  refuseBody(exchange)
  findGaps(context, range, ({ json }) => exchange.json(200, JSON.stringify(json)))
}

/** Asks every member, of at most as many slots as `getGaps`. */
export function getVotes(exchange: HttpExchange, { context }: ApiState): void {
  const { replica, limits } = context
  const { from, to } = slotRangeOf(new QueryParameters(exchange.query, ['from', 'to']))
  refuseBody(exchange)
  const status = replica.status()
  const start = toSlot(from ?? status.engine.chosenUpTo)
  const range = {
    from: start,
    to: toSlot(Math.min(to ?? Math.max(start, votedUpTo(status)), start + limits.gapSlotsMax)),
  }
  replica.inspect(range, limits.inspectTimeoutMs, (reports) => {
    const { group, epoch } = replica.status()
    exchange.json(200, JSON.stringify(slotVotesJson({ group, epoch, range, reports })))
  })
}

export interface FoundGaps {
  readonly json: GapsJson
  /** What was looked at. */
  readonly range: SlotRange
}

/** Asks every member. Without `from`, from the first slot that is not chosen here; without `to`, up to the highest voted in. */
export function findGaps(
  { replica, limits }: ApiContext,
  { from, to }: { readonly from: number | undefined; readonly to: number | undefined },
  done: (found: FoundGaps) => void,
): void {
  const start = toSlot(from ?? replica.status().engine.chosenUpTo)
  // Another member may have voted higher than this one: ask for the watermarks first.
  replica.inspect({ from: start, to: start }, limits.inspectTimeoutMs, (watermarks) => {
    const highest = Math.max(start, ...watermarks.map((report) => Math.max(report.votedUpTo, report.chosenUpTo)))
    const wanted = Math.min(to ?? highest, highest)
    const range = { from: start, to: toSlot(Math.max(start, Math.min(wanted, start + limits.gapSlotsMax))) }
    replica.inspect(range, limits.inspectTimeoutMs, (reports) => {
      const { group, self, epoch, engine } = replica.status()
      const leader = engine.leader === undefined ? undefined : { ballot: engine.ballot }
      done({ json: gapsJson({ group, self, epoch, leader, range, reports }, to, range.to < wanted), range })
    })
  })
}
