import type { AdminClient } from '../client/admin.ts'
import type { VerifyContentJson } from '../wire/api-types.ts'
import { firstAnswer } from './first-answer.ts'
import { count, printable, table } from './output.ts'
import { verdictLines } from './verdict-lines.ts'

type Member = VerifyContentJson['members'][number]

/** What `log verify --content` found in all pages up to the first that is not the same. */
export interface ContentFound {
  readonly revision: number
  /** Compared, on the node that was asked. */
  readonly keys: number
  readonly verdict: VerifyContentJson['verdict']
  readonly members: readonly Member[]
  readonly firstKey?: string
  readonly firstKey64?: string
  readonly beforeKey?: string
  readonly beforeKey64?: string
}

/** All pages from one node, at one revision. Throws COMPACTED when the history is compacted beyond it meanwhile. */
export async function verifyContent(
  admin: Pick<AdminClient, 'verifyContent'>,
  endpoints: readonly string[],
): Promise<ContentFound> {
  const first = await firstAnswer(endpoints, (endpoint) => admin.verifyContent(endpoint))
  let page = first.answer
  let { keys } = page
  const silent = new Map<string, Member>()
  for (;;) {
    for (const member of page.members) if (member.state !== 'same') silent.set(member.member, member)
    if (page.verdict !== 'same' || !page.more) break
    const start = page.next === undefined ? Buffer.from(page.next64 ?? '', 'base64') : Buffer.from(page.next, 'utf8')
    page = await admin.verifyContent(first.endpoint, { revision: page.revision, start })
    keys += page.keys
  }
  const { revision, verdict, firstKey, firstKey64, beforeKey, beforeKey64 } = page
  // Who did not answer for a page was not compared.
  const members = page.members.map((member) =>
    member.state === 'same' ? (silent.get(member.member) ?? member) : member,
  )
  return {
    revision,
    keys,
    verdict,
    members,
    ...(firstKey === undefined ? {} : { firstKey }),
    ...(firstKey64 === undefined ? {} : { firstKey64 }),
    ...(beforeKey === undefined ? {} : { beforeKey }),
    ...(beforeKey64 === undefined ? {} : { beforeKey64 }),
  }
}

export function renderContent(found: ContentFound): string {
  const { revision, keys, verdict, members } = found
  return [
    `${count(keys, 'key')} compared at revision ${revision}`,
    table(members, [
      { title: 'MEMBER', value: ({ member }) => member },
      { title: 'STATE', value: ({ state }) => state, style: ({ state }) => (state === 'same' ? 'green' : 'red') },
    ]),
    ...verdictLines(verdict, members, () => firstInWords(found)),
  ].join('\n')
}

function firstInWords(found: ContentFound): string {
  const first = keyInWords(found.firstKey, found.firstKey64)
  const before = keyInWords(found.beforeKey, found.beforeKey64)
  return `at key ${first || '(the first of all)'}${before === '' ? ' or one after it' : `, or one between it and ${before}`}`
}

function keyInWords(key: string | undefined, key64: string | undefined): string {
  if (key !== undefined) return printable(key)
  return key64 === undefined ? '' : `base64:${key64}`
}
