import { fastQuorumMin, majority, otherQuorumMin, quorumMargins } from '../../protocol/quorum.ts'
import { type Column, table } from '../output.ts'

/** Sizes of which none can be made smaller. */
export interface QuorumChoice {
  readonly q1: number
  readonly q2: number
  readonly q2f: number
  readonly electionFailures: number
  readonly choiceFailures: number
  readonly fastFailures: number
  readonly readQuorum: number
  /** A majority leads: what a node takes when `q1` and `q2` are not configured. */
  readonly isMajority: boolean
}

/** From a majority to lead up to all members. A smaller q1 would need a q2 above a majority, for every write. */
export function quorumChoices(n: number): readonly QuorumChoice[] {
  const choices: QuorumChoice[] = []
  for (let q1 = majority(n); q1 <= n; q1++) {
    const q2 = otherQuorumMin(n, q1)
    const q2f = fastQuorumMin(n, q1)
    const { electionFailures, choiceFailures, meetsPhase1 } = quorumMargins({ n, q1, q2 })
    choices.push({
      q1,
      q2,
      q2f,
      electionFailures,
      choiceFailures,
      fastFailures: n - q2f,
      readQuorum: meetsPhase1,
      isMajority: q1 === majority(n),
    })
  }
  return choices
}

/** `withFast` adds the columns of the fast path. */
export function renderChoices(choices: readonly QuorumChoice[], withFast: boolean): string {
  const number = (title: string, value: (choice: QuorumChoice) => number): Column<QuorumChoice> => ({
    title,
    align: 'right',
    value: (choice) => String(value(choice)),
  })
  return table(choices, [
    number('Q1', (choice) => choice.q1),
    number('LEAST Q2', (choice) => choice.q2),
    ...(withFast ? [number('LEAST Q2F', (choice) => choice.q2f)] : []),
    number('DOWN, ELECTING', (choice) => choice.electionFailures),
    number('DOWN, COMMITTING', (choice) => choice.choiceFailures),
    ...(withFast ? [number('DOWN, FAST PATH', (choice) => choice.fastFailures)] : []),
    number('READS, LEASES', (choice) => choice.readQuorum),
    { title: '', value: (choice) => (choice.isMajority ? 'majority' : ''), style: () => 'cyan' },
  ])
}
