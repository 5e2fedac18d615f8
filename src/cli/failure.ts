import { AssertionError } from '../base/assert.ts'
import { errorCodes, PaxosError } from '../base/error.ts'

/** An error as the command line shows it, in words and as JSON, with the exit status of both. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
  readonly exit: number
  /** Set when we are to blame. */
  readonly stack: string | undefined
}

const exitUsage = 2
const exitBug = 1

/**
 * Turns whatever a command threw into what the user sees. `helpCommand` is what to run for help: `paxos kv put --help`.
 * Undefined for an exit that was asked for, which needs no words.
 */
export function describeFailure(error: unknown, helpCommand: string): Failure | undefined {
  const usageHint = `Run \`${helpCommand}\` for usage.`
  if (error instanceof PaxosError) {
    const { code } = error
    const hint = error.hint ?? (code === 'USAGE' ? usageHint : undefined)
    const message = plain(error.message)
    return { code, message, hint, exit: errorCodes[code].exit, stack: undefined }
  }
  if (isOclifError(error)) {
    if (error.code === 'EEXIT') return undefined
    return {
      code: 'USAGE',
      message: plain(error.message),
      hint: usageHint,
      exit: error.oclif.exit ?? exitUsage,
      stack: undefined,
    }
  }
  const message = error instanceof Error ? error.message : String(error)
  const kind = error instanceof AssertionError ? 'Assertion failed: ' : ''
  return {
    code: 'INTERNAL',
    message: `${kind}${message}`,
    hint: 'This is a bug in paxos. Please report it with the lines above and the command you ran.',
    exit: exitBug,
    stack: error instanceof Error ? error.stack : undefined,
  }
}

/** The exit status that an error stands for; 0 for an exit that was asked for without one. */
export function exitOf(error: unknown): number {
  return isOclifError(error) && error.code === 'EEXIT'
    ? (error.oclif.exit ?? 0)
    : (describeFailure(error, '')?.exit ?? 0)
}

interface OclifError extends Error {
  readonly code?: string
  readonly oclif: { readonly exit?: number }
}

function isOclifError(error: unknown): error is OclifError {
  return error instanceof Error && 'oclif' in error && typeof error.oclif === 'object' && error.oclif !== null
}

/** oclif's own words for a flag that did not parse, on one line and without its pointer to --help, which is our hint. */
function plain(message: string): string {
  return message
    .replace(/\n?See more help with --help\s*$/, '')
    .replace(/^Parsing (--\S+)\s+/, '$1: ')
    .trim()
}
