import { type ErrorCode, errorCodes, PaxosError } from '../../base/error.ts'

const hints: Partial<Record<ErrorCode, string>> = {
  NO_LEADER: 'It was not done. Retry; `paxos cluster status` shows whether a leader is being elected.',
  NO_QUORUM: 'It was not done. `paxos cluster status` shows which members are down.',
  OVERLOADED: 'It was not done. Retry after a pause, with fewer requests at a time.',
  NO_SPACE: 'It was not done. `paxos space` shows what takes the space, `paxos doctor` what to do.',
  STOPPING: 'It was not done. Use another node.',
  UNHEALTHY: 'It was not done. Ask another node; `paxos log verify` says more.',
  OUTCOME_UNKNOWN: 'It may have been done. Read to find out, or retry with the same paxos-session and paxos-seq.',
  SESSION_EXPIRED: 'Open a new session, and read before writing again: earlier requests may have been done.',
  COMPACTED: 'Read at the newest revision, or at one that is not compacted.',
  PRECONDITION_FAILED: 'Read the key again and decide anew.',
}

/** `{"error":{code,message,hint}}` */
export function errorBody(code: ErrorCode, message: string, hint = hints[code]): string {
  return JSON.stringify({ error: hint === undefined ? { code, message } : { code, message, hint } })
}

export function httpStatus(code: ErrorCode): number {
  return errorCodes[code].http
}

export function badRequest(message: string, hint?: string): PaxosError {
  return new PaxosError('BAD_REQUEST', message, { hint })
}

/** A name out of a request, fit for an error message: bounded and escaped. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)
}
