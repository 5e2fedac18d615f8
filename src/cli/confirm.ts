import { createInterface } from 'node:readline/promises'
import { PaxosError } from '../base/error.ts'

/** Asks on a terminal; elsewhere there is nobody to ask. Throws PaxosError USAGE unless the answer is yes. */
export async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new PaxosError('USAGE', 'This changes the cluster, and there is no terminal to ask on', {
      hint: 'Give --yes to do it, or --dry-run to see what it would do.',
    })
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question(`${question} [y/N] `)
    if (/^y(es)?$/i.test(answer.trim())) return
  } finally {
    terminal.close()
  }
  throw new PaxosError('USAGE', 'Not done: the answer was not yes', { hint: 'Nothing was changed.' })
}
