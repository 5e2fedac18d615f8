import { createInterface } from 'node:readline/promises'
import { PaxosError } from '../base/error.ts'

export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

/** Asks on a terminal; elsewhere there is nobody to ask. Throws PaxosError USAGE unless the answer is yes. */
export async function confirm(
  question: string,
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Promise<void> {
  if (input.isTTY !== true || output.isTTY !== true) {
    throw new PaxosError('USAGE', 'This changes the cluster, and there is no terminal to ask on', {
      hint: 'Give --yes to do it, or --dry-run to see what it would do.',
    })
  }
  const terminal = createInterface({ input, output })
  // Ctrl-C and Ctrl-D reject, a terminal that is gone only closes: each of them is a no.
  const answer = await new Promise<string | undefined>((resolve) => {
    terminal.once('close', () => resolve(undefined))
    terminal.question(`${question} [y/N] `).then(resolve, () => resolve(undefined))
  })
  terminal.close()
  if (answer !== undefined && /^y(es)?$/i.test(answer.trim())) return
  if (answer === undefined) output.write('\n')
  throw new PaxosError('USAGE', 'Not done: the answer was not yes', { hint: 'Nothing was changed.' })
}
