import type { ByteBudget } from './byte-budget.ts'
import type { ApiContext } from './context.ts'
import type { HttpExchange } from './http-exchange.ts'

/** What the handlers of one server share. */
export interface ApiState {
  readonly context: ApiContext
  readonly budget: ByteBudget
  /** Ends one answer that follows the log, each. */
  readonly followers: Set<() => void>
  /** Backups that are being read. */
  backups: number
  /** Requests that count records. */
  spaceWalks: number
  /** True once the server takes no new requests. */
  stopping: boolean
}

export type Handler = (exchange: HttpExchange, state: ApiState) => void
