import { PaxosError } from '../../base/error.ts'
import {
  fastQuorumMin,
  majority,
  otherQuorumMin,
  type QuorumSizes,
  quorumMargins,
  quorumProblem,
} from '../../protocol/quorum.ts'
import { table } from '../output.ts'
import { nearestSizes } from './nearest-sizes.ts'

/** One rule or consequence: the formula, the same with numbers, and what it means. */
export interface QuorumRule {
  readonly name: string
  readonly formula: string
  readonly numbers: string
  readonly meaning: string
}

export interface QuorumExplanation {
  readonly nodes: number
  readonly q1: number
  readonly q2: number
  readonly q2f: number | null
  readonly q2Min: number
  readonly q2fMin: number
  /** Members that may be down. */
  readonly electionFailures: number
  readonly choiceFailures: number
  readonly fastFailures: number | null
  /** Members that confirm a read or grant a lease. */
  readonly readQuorum: number
  /** Members of whom one has seen each chosen value. */
  readonly seesChosen: number
  readonly rules: readonly QuorumRule[]
  /** Sizes that are right and yet seldom wanted, one sentence each. */
  readonly warnings: readonly string[]
}

export interface WantedSizes {
  readonly q1: number | undefined
  readonly q2: number | undefined
  readonly q2f: number | undefined
  readonly isFast: boolean
}

/** What is not given is a majority, as a node takes it; for fast ballots the least that is safe. */
export function completeSizes(
  n: number,
  { q1 = majority(n), q2 = majority(n), q2f, isFast }: WantedSizes,
): QuorumSizes {
  return { n, q1, q2, q2f: q2f ?? (isFast ? fastQuorumMin(n, q1) : undefined) }
}

/** Throws PaxosError USAGE with the arithmetic and the nearest sizes that are right. */
export function explainQuorums(sizes: QuorumSizes): QuorumExplanation {
  const problem = quorumProblem(sizes)
  if (problem !== undefined) {
    throw new PaxosError('USAGE', `These quorum sizes are not safe: ${problem}`, {
      hint: `Nearest valid sizes: ${nearestSizes(sizes).map(inWords).join('; ')}.`,
    })
  }
  const { n, q1, q2, q2f } = sizes
  const margins = quorumMargins(sizes)
  return {
    nodes: n,
    q1,
    q2,
    q2f: q2f ?? null,
    q2Min: otherQuorumMin(n, q1),
    q2fMin: fastQuorumMin(n, q1),
    electionFailures: margins.electionFailures,
    choiceFailures: margins.choiceFailures,
    fastFailures: margins.fastFailures ?? null,
    readQuorum: margins.meetsPhase1,
    seesChosen: margins.meetsPhase2,
    rules: [...safety(sizes), ...availability(sizes), ...reads(sizes)],
    warnings: warningsOf(sizes),
  }
}

/** The table of rules, for people. */
export function renderExplanation({ nodes, q1, q2, q2f, rules }: QuorumExplanation): string {
  return [
    `${nodes} members, ${inWords({ n: nodes, q1, q2, q2f: q2f ?? undefined })}: valid`,
    table(rules, [
      { title: 'RULE', value: (rule) => rule.name },
      { title: 'FORMULA', value: (rule) => rule.formula },
      { title: 'HERE', value: (rule) => rule.numbers },
      { title: 'MEANING', value: (rule) => rule.meaning },
    ]),
  ].join('\n')
}

function safety({ n, q1, q2, q2f }: QuorumSizes): QuorumRule[] {
  const rules = [
    {
      name: 'phases meet',
      formula: 'q1 + q2 > n',
      numbers: `${q1} + ${q2} = ${q1 + q2} > ${n}`,
      meaning: `a new leader hears from at least ${members(q1 + q2 - n)} of every quorum that chose: nothing chosen is lost`,
    },
  ]
  if (q2f !== undefined) {
    rules.push({
      name: 'fast ballots can be settled',
      formula: 'q1 + 2·q2f > 2n',
      numbers: `${q1} + 2·${q2f} = ${q1 + 2 * q2f} > ${2 * n}`,
      meaning: 'of two values that fast quorums may have chosen, a new leader sees which it can have been',
    })
  }
  rules.push({
    name: 'least q2',
    formula: 'n − q1 + 1',
    numbers: `${n} − ${q1} + 1 = ${otherQuorumMin(n, q1)}`,
    meaning: 'fewest votes that choose with this q1',
  })
  if (q2f !== undefined) {
    rules.push({
      name: 'least q2f',
      formula: '⌊(2n − q1) / 2⌋ + 1',
      numbers: `⌊(${2 * n} − ${q1}) / 2⌋ + 1 = ${fastQuorumMin(n, q1)}`,
      meaning: 'fewest votes that choose at a fast ballot with this q1',
    })
  }
  return rules
}

function availability(sizes: QuorumSizes): QuorumRule[] {
  const { n, q1, q2, q2f } = sizes
  const { electionFailures, choiceFailures, fastFailures } = quorumMargins(sizes)
  const down = (name: string, symbol: string, q: number, failures: number, meaning: string): QuorumRule => ({
    name,
    formula: `n − ${symbol}`,
    numbers: `${n} − ${q} = ${failures}`,
    meaning: `${members(failures)} may be down ${meaning}`,
  })
  const rules = [
    down('electing', 'q1', q1, electionFailures, 'while a leader is elected'),
    down('committing', 'q2', q2, choiceFailures, 'while a leader commits writes'),
  ]
  if (q2f !== undefined && fastFailures !== undefined) {
    rules.push(down('fast path', 'q2f', q2f, fastFailures, 'while writes take the fast path'))
  }
  return rules
}

function reads(sizes: QuorumSizes): QuorumRule[] {
  const { n, q1, q2, q2f } = sizes
  const { meetsPhase1, meetsPhase2 } = quorumMargins(sizes)
  const choosing = Math.min(q2, q2f ?? q2)
  return [
    {
      name: 'reads, leases',
      formula: 'n − q1 + 1',
      numbers: `${n} − ${q1} + 1 = ${meetsPhase1}`,
      meaning: `${members(meetsPhase1)} confirm a read or grant a lease: no newer leader can exist unseen`,
    },
    {
      name: 'seeing all',
      formula: q2f === undefined ? 'n − q2 + 1' : 'n − min(q2, q2f) + 1',
      numbers: `${n} − ${choosing} + 1 = ${meetsPhase2}`,
      meaning: `among any ${members(meetsPhase2)}, one has each chosen value: for recovery`,
    },
  ]
}

function warningsOf(sizes: QuorumSizes): string[] {
  const { n, q1, q2, q2f } = sizes
  const warnings: string[] = []
  if (q2 === 1 && n > 1)
    warnings.push('With q2 1 a write is on one disk when it is acknowledged: that disk is a loss of data.')
  if (q2 > otherQuorumMin(n, q1) && q1 > otherQuorumMin(n, q2)) {
    warnings.push(
      `q1 ${otherQuorumMin(n, q2)} or q2 ${otherQuorumMin(n, q1)} would do: the larger size costs availability only.`,
    )
  }
  if (q2 > q1) {
    warnings.push(
      'A leader must commit before it serves, so the smaller q1 helps only where q2 members are up: electing is not what fails first.',
    )
  }
  if (q2f !== undefined && q2f > fastQuorumMin(n, q1)) {
    warnings.push(`q2f ${fastQuorumMin(n, q1)} would do: the larger size costs availability of the fast path only.`)
  }
  return warnings
}

function inWords({ q1, q2, q2f }: QuorumSizes): string {
  return `q1 ${q1}, q2 ${q2}${q2f === undefined ? '' : `, q2f ${q2f}`}`
}

function members(n: number): string {
  return `${n} ${n === 1 ? 'member' : 'members'}`
}
