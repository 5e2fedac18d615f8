import type { LinkRefusalJson } from '../../wire/api-types.ts'
import { answering, type ClusterFacts } from './cluster-facts.ts'
import type { Finding } from './finding.ts'

/** What is said of a node that has forgotten what it promised, or may have: no wait and no restart helps it. */
const forgetful = new Set(['OTHER_DISK', 'OLDER_COPY', 'STALE_INCARNATION', 'DUPLICATE_NODE'])

export function isForgetful(refusal: LinkRefusalJson | null | undefined): refusal is LinkRefusalJson {
  return refusal !== null && refusal !== undefined && forgetful.has(refusal.code)
}

export function shunned(facts: ClusterFacts): Finding[] {
  return [...shunnedMembers(facts)].map(([name, { by, refusal }]) => ({
    id: 'MEMBER_SHUNNED',
    severity: 'error',
    subject: name,
    message: 'The others refuse it: with the data directory that it has it never votes again under this name',
    evidence: `refused by ${by.join(', ')}: ${refusal.code}: ${refusal.message}`,
    fix: mend(name),
  }))
}

export function mend(name: string): string {
  return `on ${name}: systemctl stop paxos; then a new name with an empty directory: paxos member add NEW --address HOST:PORT --learner; paxos member replace ${name} NEW`
}

/** Who runs and is refused, by whom and why: those who refuse it may be the only ones that reach it. */
export function shunnedMembers(
  facts: ClusterFacts,
): ReadonlyMap<string, { readonly by: readonly string[]; readonly refusal: LinkRefusalJson }> {
  const found = new Map<string, { by: readonly string[]; refusal: LinkRefusalJson }>()
  for (const { name, diagnosis } of answering(facts)) {
    // A version that is older says nothing of refusals.
    for (const { member, refusal } of diagnosis?.links ?? []) {
      if (!isForgetful(refusal)) continue
      const [by, whom] = refusal.by === 'node' ? [name, member] : [member, name]
      const others = found.get(whom)?.by ?? []
      found.set(whom, { by: [...new Set([...others, by])].sort(), refusal })
    }
  }
  return found
}
