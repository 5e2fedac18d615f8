import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { PaxosError } from '../base/error.ts'

/** The bytes of a file, or of standard input for `-`. */
export async function readInput(path: string): Promise<Uint8Array> {
  if (path === '-') {
    if (process.stdin.isTTY === true) process.stderr.write('Reading standard input; end it with Ctrl-D.\n')
    return await buffer(process.stdin)
  }
  try {
    return readFileSync(path)
  } catch (cause) {
    throw cannotRead(path, cause)
  }
}

export function cannotRead(path: string, cause: unknown): PaxosError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new PaxosError('USAGE', `Cannot read ${path}: ${reason}`, {
    cause,
    hint: 'Give a file, or - for standard input.',
  })
}
