import { assert } from '../../base/assert.ts'
import { queryProblem } from '../../machine/limits.ts'
import type { Answer, Query } from '../../machine/request.ts'
import type { Consistency } from '../../wire/client-codec.ts'
import type { ApiContext } from './context.ts'
import type { Exchange } from './exchange.ts'
import type { QueryParameters } from './target.ts'

export function consistencyOf(parameters: QueryParameters): Consistency {
  return parameters.choice('consistency', ['linearizable', 'stale'] as const) ?? 'linearizable'
}

/** Validates and asks one query. `render` gets its answer, which is of kind `kind`, unless it is an error. */
export function answerQuery<K extends Exclude<Answer['kind'], 'error'>>(
  exchange: Exchange,
  { replica, requestLimits, limits }: ApiContext,
  query: Query,
  consistency: Consistency,
  kind: K,
  render: (answer: Extract<Answer, { readonly kind: K }>) => void,
): void {
  const problem = queryProblem(query, requestLimits)
  if (problem !== undefined) {
    exchange.error(problem.code, problem.message)
    return
  }
  replica.read(query, consistency, limits.requestTimeoutMs, (outcome) => {
    if (outcome.kind === 'failed') {
      exchange.error(outcome.code, outcome.message)
      return
    }
    const { answer } = outcome
    if (answer.kind === 'error') exchange.error(answer.code, answer.message)
    else if (isOfKind(answer, kind)) render(answer)
    else assert(false, 'a %s was answered with %s instead of %s', query.kind, answer.kind, kind)
  })
}

function isOfKind<K extends Answer['kind']>(answer: Answer, kind: K): answer is Extract<Answer, { readonly kind: K }> {
  return answer.kind === kind
}
