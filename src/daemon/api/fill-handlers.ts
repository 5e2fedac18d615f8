/**
 * Filling gaps, safely: nothing is written here. What is open in the log is decided by a leader alone, whose phase 1 asks a
 * quorum what each slot must get; so filling means to see that somebody leads, and to wait until the slots are chosen
 * (protocols 13). What comes out may be a real command: it is said which.
 */
import { PaxosError } from '../../base/error.ts'
import { type Slot, toSlot } from '../../protocol/ids.ts'
import type { Origin } from '../../protocol/origin.ts'
import type { LogFillJson, LogFillSlotJson } from '../../wire/api-types.ts'
import type { ApiState } from './api-state.ts'
import { note } from './audit-note.ts'
import { originOf } from './audit-origin.ts'
import { collectJson, smallBodyBytesMax } from './command-handlers.ts'
import type { ApiContext } from './context.ts'
import type { Exchange } from './exchange.ts'
import { JsonFields } from './json-fields.ts'
import { type FoundGaps, findGaps } from './log-handlers.ts'

const lookEveryMs = 50

export function postFill(exchange: Exchange, state: ApiState): void {
  collectJson(exchange, state, smallBodyBytesMax, (body) => {
    const { context } = state
    const fields = new JsonFields(body, 'the body', ['slot', 'takeOver', 'dryRun'])
    const slot = fields.has('slot') ? toSlot(fields.integer('slot', 0)) : undefined
    const takeOver = fields.has('takeOver') && fields.flag('takeOver')
    const dryRun = fields.has('dryRun') && fields.flag('dryRun')
    findGaps(context, { from: slot, to: slot === undefined ? undefined : slot + 1 }, (found) => {
      exchange.guard(() => {
        if (slot !== undefined) mustBeFillable(context, slot, found)
        else if (!found.json.known) throw tooFew(found.json)
        if (dryRun) answer(exchange, found, [])
        else fill(exchange, context, found, takeOver, originOf(exchange, context))
      })
    })
  })
}

function inWords(filled: readonly LogFillSlotJson[], isTaken: boolean): string {
  const slots = filled.length === 1 ? `slot ${filled[0]?.slot}` : `${filled.length} slots from ${filled[0]?.slot} on`
  return isTaken ? `${slots}; nobody led, and the node was told to seek leadership` : slots
}

function answer(exchange: Exchange, { json }: FoundGaps, filled: readonly LogFillSlotJson[]): void {
  exchange.json(200, JSON.stringify({ filled, gaps: json.rows, more: json.more } satisfies LogFillJson))
}

/** Throws PaxosError PRECONDITION_FAILED, NO_QUORUM. */
function mustBeFillable({ replica }: ApiContext, slot: Slot, { json }: FoundGaps): void {
  const { truncatedUpTo, engine, epoch } = replica.status()
  const isAbove = slot > (json.highestVoted ?? -1) && slot >= json.chosenUpTo
  // Too few to know what anybody voted in.
  if (isAbove && json.answered.length < epoch.q1) throw tooFew(json)
  const problem =
    slot < truncatedUpTo
      ? `Slot ${slot} is truncated: it was chosen and applied.`
      : engine.stop !== undefined && slot > engine.stop.slot
        ? `Slot ${slot} is above the stop sign in slot ${engine.stop.slot}: the epoch ends there.`
        : isAbove
          ? `Slot ${slot} is above the highest that anybody voted in, ${json.highestVoted ?? 'none'}: nothing is missing there.`
          : undefined
  if (problem !== undefined) throw new PaxosError('PRECONDITION_FAILED', problem, { hint: 'Nothing was changed.' })
}

function tooFew({ silent }: FoundGaps['json']): PaxosError {
  return new PaxosError('NO_QUORUM', `Too few acceptors answer: ${silent.join(', ')} did not`, {
    hint: 'A vote, or a chosen value, may hide behind the silence. Bring members back; nothing was changed.',
  })
}

function fill(exchange: Exchange, context: ApiContext, found: FoundGaps, takeOver: boolean, origin: Origin): void {
  const { json, range } = found
  const { replica, limits } = context
  const { engine } = replica.status()
  const isOpen = json.rows.some((row) => row.class !== 'unlearned' && row.class !== 'truncated')
  if (json.rows.some((row) => row.class === 'unknown') && engine.leader === undefined) {
    throw tooFew(json)
  }
  if (isOpen && engine.leader === undefined && !takeOver) {
    throw new PaxosError('NO_LEADER', 'Nobody leads, and only a leader may decide what these slots get', {
      hint: 'Wait for an election, or let this node seek leadership with takeOver (paxos log fill --take-over).',
    })
  }
  const isTaken = isOpen && engine.leader === undefined
  if (isTaken) replica.seekLeadership()
  const deadline = performance.now() + limits.requestTimeoutMs
  const look = (): void => {
    const lines = replica.log(range)
    const open = lines.filter(({ state }) => state !== 'chosen' && state !== 'truncated')
    const isShort = lines.length < range.to - range.from
    if (open.length === 0 && !isShort) {
      const wanted = json.rows.flatMap(({ from, to }) => lines.filter(({ slot }) => slot >= from && slot < to))
      const filled = wanted.map(
        ({ slot, state, entry, ballot }): LogFillSlotJson => ({
          slot,
          state: state === 'truncated' ? 'truncated' : 'chosen',
          kind: entry?.kind ?? null,
          ballot: ballot === undefined || ballot.round === 0 ? null : `${ballot.round}.${ballot.node}`,
        }),
      )
      if (filled.length > 0) note(context, origin, 'fill', inWords(filled, isTaken))
      answer(exchange, found, filled)
    } else if (performance.now() >= deadline || exchange.abandoned) {
      const first = open[0]?.slot ?? toSlot(range.from + lines.length)
      exchange.fail(
        new PaxosError('TIMEOUT', `Slot ${first} is not chosen yet`, {
          hint: '`paxos log gaps` says why. Asking again does no harm.',
        }),
      )
    } else {
      setTimeout(() => exchange.guard(look), lookEveryMs)
    }
  }
  look()
}
