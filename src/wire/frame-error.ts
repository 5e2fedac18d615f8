import { PaxosError } from '../base/error.ts'

/** Says what was wrong with bytes from outside. `problem` never quotes them: they are hostile until proven otherwise. */
export function badFrame(problem: string): PaxosError {
  return new PaxosError('BAD_FRAME', `Bad frame: ${problem}`)
}
