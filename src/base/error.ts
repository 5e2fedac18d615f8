/**
 * Every error that a user can meet: its HTTP status, the exit status of the command line, and what it says about a write.
 * `done: 'no'` means certainly not done; `'unknown'` means that it may have been done.
 */
export const errorCodes = {
  BAD_REQUEST: { http: 400, exit: 2, done: 'no' },
  USAGE: { http: 400, exit: 2, done: 'no' },
  BAD_CONFIG: { http: 400, exit: 2, done: 'no' },
  UNAUTHORISED: { http: 401, exit: 4, done: 'no' },
  KEY_NOT_FOUND: { http: 404, exit: 7, done: 'no' },
  NOT_FOUND: { http: 404, exit: 7, done: 'no' },
  METHOD_NOT_ALLOWED: { http: 405, exit: 2, done: 'no' },
  COMPACTED: { http: 410, exit: 6, done: 'no' },
  SESSION_EXPIRED: { http: 410, exit: 6, done: 'unknown' },
  PRECONDITION_FAILED: { http: 412, exit: 6, done: 'no' },
  TOO_LARGE: { http: 413, exit: 2, done: 'no' },
  OVERLOADED: { http: 429, exit: 5, done: 'no' },
  NO_SPACE: { http: 507, exit: 9, done: 'no' },
  NO_LEADER: { http: 503, exit: 5, done: 'no' },
  NO_QUORUM: { http: 503, exit: 5, done: 'no' },
  STOPPING: { http: 503, exit: 5, done: 'no' },
  OUTCOME_UNKNOWN: { http: 504, exit: 8, done: 'unknown' },
  TIMEOUT: { http: 504, exit: 8, done: 'no' },
  CANNOT_CONNECT: { http: 503, exit: 3, done: 'no' },
  UNHEALTHY: { http: 503, exit: 10, done: 'no' },
  BAD_FRAME: { http: 400, exit: 1, done: 'no' },
  WRONG_VERSION: { http: 500, exit: 6, done: 'no' },
  WRONG_CLUSTER: { http: 400, exit: 6, done: 'no' },
  BACKUP_REFUSED: { http: 500, exit: 6, done: 'no' },
  BACKUP_DAMAGED: { http: 500, exit: 10, done: 'no' },
  RECOVERY_REFUSED: { http: 500, exit: 6, done: 'no' },
  DATA_DIR_REFUSED: { http: 500, exit: 6, done: 'no' },
  PORT_IN_USE: { http: 500, exit: 6, done: 'no' },
  STORE_FAILED: { http: 500, exit: 1, done: 'unknown' },
  INTERNAL: { http: 500, exit: 1, done: 'unknown' },
} as const satisfies Record<string, { http: number; exit: number; done: 'no' | 'unknown' }>

export type ErrorCode = keyof typeof errorCodes

export interface ErrorDetails {
  /** What to do next, as one sentence. */
  readonly hint?: string | undefined
  readonly cause?: unknown
}

/** An operating error: a stable code, what failed, what was wanted, and what to do next. */
export class PaxosError extends Error {
  override readonly name = 'PaxosError'
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.hint = details.hint
  }
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCodes, text)
}
