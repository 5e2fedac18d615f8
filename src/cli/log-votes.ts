import type { AdminClient } from '../client/admin.ts'
import type { GapVoteJson, LogLineJson } from '../wire/api-types.ts'

/** As many as a node looks at in one answer. */
const slotsAtOnce = 10_000

/** The lines of one node, each with what every acceptor says of the slot. Truncated ranges stay as they are. */
export async function withVotes(
  admin: AdminClient,
  endpoint: string,
  lines: readonly LogLineJson[],
): Promise<{ readonly lines: LogLineJson[]; readonly silent: readonly string[] }> {
  const slots = lines.flatMap(({ slot, upTo }) => (upTo === undefined ? [slot] : []))
  const [first, last] = [slots[0], slots.at(-1)]
  if (first === undefined || last === undefined) return { lines: [...lines], silent: [] }
  const votes = new Map<number, readonly GapVoteJson[]>()
  const silent = new Set<string>()
  for (let from = first; from <= last; from += slotsAtOnce) {
    const found = await admin.votes(endpoint, { from, to: Math.min(last + 1, from + slotsAtOnce) })
    for (const each of found.slots) votes.set(each.slot, each.votes)
    for (const name of found.silent) silent.add(name)
  }
  const all = lines.map((line): LogLineJson => {
    const found = line.upTo === undefined ? votes.get(line.slot) : undefined
    return found === undefined ? line : { ...line, votes: found }
  })
  return { lines: all, silent: [...silent] }
}
