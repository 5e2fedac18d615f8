import type { MemberVerdictJson, VerifyJson } from '../wire/api-types.ts'
import { paint, table } from './output.ts'
import type { StoppedChain } from './stopped-chain.ts'

/** The table of `log verify`, and the verdict in words. */
export function renderVerify(found: VerifyJson): string {
  const { group, epoch, checkedUpTo, members } = found
  const answered = members.filter(({ state }) => state !== 'silent').length
  const upTo = checkedUpTo === null ? 'nothing could be compared' : `compared up to slot ${checkedUpTo}`
  const number = (value: number | null): string => value?.toString() ?? '-'
  return [
    `group ${group}, epoch ${epoch}: ${answered} of ${members.length} members answered, ${upTo}`,
    table(members, [
      { title: 'MEMBER', value: ({ member }) => member },
      { title: 'APPLIED', align: 'right', value: ({ applied }) => number(applied) },
      { title: 'REVISION', align: 'right', value: ({ revision }) => number(revision) },
      { title: 'SINCE', align: 'right', value: ({ since }) => number(since) },
      { title: 'SLOT', align: 'right', value: ({ slot }) => number(slot) },
      { title: 'CHAIN', value: ({ chain }) => chain ?? '-' },
      { title: 'STATE', value: ({ state }) => state, style: ({ state }) => (state === 'same' ? 'green' : 'red') },
    ]),
    ...verdictLines(found),
  ].join('\n')
}

function verdictLines({ verdict, members }: VerifyJson): readonly string[] {
  if (verdict === 'same') return [paint('green', 'same: a majority of the members agrees, and nobody differs')]
  if (verdict === 'unknown') {
    const strangers = members.filter(({ state, slot, since }) => state === 'incomparable' && slot === since)
    const names = strangers.map(({ member }) => member).join(' and ')
    return [
      paint('yellow', 'unknown: too few members could be compared'),
      ...(names === '' ? [] : [`${names} know no slot that was compared: give --to one that they have applied`]),
    ]
  }
  const minority = members.filter(({ state }) => state === 'diverged')
  const split = members.filter(({ state }) => state === 'differs')
  return [
    ...minority.map((each) =>
      paint('red', `diverged: ${each.member} differs from the majority, first ${firstInWords(each)}`),
    ),
    ...(split[0] === undefined
      ? []
      : [
          paint(
            'red',
            `diverged: ${split.map(({ member }) => member).join(' and ')} differ, first ${firstInWords(split[0])}; without a majority nobody knows who is right`,
          ),
        ]),
  ]
}

function firstInWords({ firstSlot, beforeSlot }: MemberVerdictJson): string {
  if (firstSlot === null || beforeSlot === null) return 'somewhere'
  return beforeSlot === firstSlot + 1 ? `in slot ${firstSlot}` : `in a slot from ${firstSlot} to ${beforeSlot - 1}`
}

export function renderStoppedChain({ member, applied, revision, since, chain }: StoppedChain): string {
  const head = `${member}, stopped: applied up to slot ${applied}, revision ${revision}, chain since slot ${since}`
  if (chain.length === 0) return `${head}\nno value of the chain is known there`
  return [
    head,
    table(chain, [
      { title: 'SLOT', align: 'right', value: ({ slot }) => String(slot) },
      { title: 'CHAIN', value: (each) => each.chain },
    ]),
  ].join('\n')
}
