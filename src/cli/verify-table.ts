import type { MemberVerdictJson, VerifyJson } from '../wire/api-types.ts'
import { table, unknown } from './output.ts'
import type { StoppedChain } from './stopped-chain.ts'
import { verdictLines } from './verdict-lines.ts'

/** The table of `log verify`, and the verdict in words. */
export function renderVerify(found: VerifyJson): string {
  const { group, epoch, checkedUpTo, members } = found
  const answered = members.filter(({ state }) => state !== 'silent').length
  const upTo = checkedUpTo === null ? 'nothing could be compared' : `compared up to slot ${checkedUpTo}`
  const shown = (value: number | string | null, { state }: MemberVerdictJson): string =>
    value?.toString() ?? (state === 'silent' ? unknown : '-')
  return [
    `group ${group}, epoch ${epoch}: ${answered} of ${members.length} members answered, ${upTo}`,
    table(members, [
      { title: 'MEMBER', value: ({ member }) => member },
      { title: 'APPLIED', align: 'right', value: (member) => shown(member.applied, member) },
      { title: 'REVISION', align: 'right', value: (member) => shown(member.revision, member) },
      { title: 'SINCE', align: 'right', value: (member) => shown(member.since, member) },
      { title: 'SLOT', align: 'right', value: (member) => shown(member.slot, member) },
      { title: 'CHAIN', value: (member) => shown(member.chain, member) },
      { title: 'STATE', value: ({ state }) => state, style: ({ state }) => (state === 'same' ? 'green' : 'red') },
    ]),
    ...verdictLines(found.verdict, members, firstInWords),
    ...(found.verdict === 'unknown' ? strangersLine(members) : []),
  ].join('\n')
}

/** Who was compared at the beginning of its chain only, which says nothing. */
function strangersLine(members: readonly MemberVerdictJson[]): readonly string[] {
  const strangers = members.filter(({ state, slot, since }) => state === 'incomparable' && slot === since)
  const names = strangers.map(({ member }) => member).join(' and ')
  return names === '' ? [] : [`${names} know no slot that was compared: give --to one that they have applied`]
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
