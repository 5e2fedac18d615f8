import { fromBinary, toBinary } from '../../base/bytes.ts'
import { rangeBoundBytesMax } from '../../machine/bounds.ts'
import type { SpaceKeysJson } from '../../wire/api-types.ts'
import { type SpacePage, walkSpace } from '../space/walk-space.ts'
import { stateKeyBytesMax } from '../store/state-tree.ts'
import type { ApiState } from './api-state.ts'
import { refuseBody } from './body.ts'
import { badRequest } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { binaryField } from './json.ts'
import { takesNothing } from './status-handlers.ts'
import { QueryParameters } from './target.ts'

const sliceMs = 4
export const spaceDepthMax = 16

export function getSpace(exchange: Exchange, { context }: ApiState): void {
  takesNothing(exchange)
  context.space().then(
    (space) => exchange.json(200, JSON.stringify(space)),
    (error: unknown) => exchange.fail(error),
  )
}

export function getReclaim(exchange: Exchange, { context }: ApiState): void {
  takesNothing(exchange)
  exchange.json(200, JSON.stringify(context.reclaim.status))
}

/** Answers at once: a copy may take minutes. */
export function postReclaim(exchange: Exchange, { context }: ApiState): void {
  takesNothing(exchange)
  context.reclaim.start().then(
    () => exchange.json(200, JSON.stringify(context.reclaim.status)),
    (error: unknown) => exchange.fail(error),
  )
}

/** Whoever wants all of them asks again from `next` on. */
export function getSpaceKeys(exchange: Exchange, state: ApiState): void {
  const parameters = new QueryParameters(exchange.query, ['prefix', 'depth', 'after'])
  const prefix = parameters.get('prefix') ?? ''
  const depth = parameters.integer('depth', 1, spaceDepthMax) ?? 1
  const after = parameters.get('after')
  if (prefix.length > rangeBoundBytesMax) throw badRequest(`prefix has more than ${rangeBoundBytesMax} bytes`)
  const from = after === undefined ? undefined : viewKeyOf(after)
  refuseBody(exchange)
  const { context } = state
  if (state.spaceWalks >= context.limits.spaceWalksMax) {
    exchange.error('OVERLOADED', `${state.spaceWalks} requests count records on this node already`)
    return
  }
  state.spaceWalks++
  const pace = {
    recordsMax: context.limits.spacePageRecords,
    sliceMs,
    // Half of the time is left to everything else that the node does, whoever counts beside this one.
    pauseMs: () => sliceMs * (2 * state.spaceWalks - 1),
    isWanted: () => !exchange.abandoned,
  }
  walkSpace(context.stateSizes, { prefix, depth, after: from }, pace)
    .then((page) => exchange.json(200, JSON.stringify(pageJson(page, context.replica.status()))))
    .catch((error: unknown) => exchange.fail(error))
    .finally(() => state.spaceWalks--)
}

function pageJson(
  { tally, records, next }: SpacePage,
  { group, revision }: { readonly group: string; readonly revision: number },
): SpaceKeysJson {
  const { items, history, sessions, audit, other } = tally
  return {
    group,
    revision,
    records,
    items,
    history,
    sessions,
    audit,
    other,
    prefixes: tally.prefixes.map(({ prefix, ...tallies }) => ({ ...binaryField('prefix', prefix), ...tallies })),
    next: next === undefined ? null : Buffer.from(fromBinary(next)).toString('hex'),
  }
}

/** What was given out as `next`; any other place in the order of view keys does as well. */
function viewKeyOf(text: string): string {
  if (text.length > 2 * stateKeyBytesMax || !/^([0-9a-f]{2})+$/.test(text)) {
    throw badRequest('Query parameter "after" must be the "next" of another page')
  }
  return toBinary(Buffer.from(text, 'hex'))
}
