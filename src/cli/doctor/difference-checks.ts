import { answering, type ClusterFacts } from './cluster-facts.ts'
import type { Finding } from './finding.ts'

/** Settings that should be the same everywhere, and what comes of it when they are not. */
const risks: Readonly<Record<string, string>> = {
  heartbeatMs: 'a member that waits for more heartbeats than come leaves a healthy leader',
  electionTimeoutMs: 'the member with the shortest timeout starts elections that the others do not want',
  tickMs: 'timers are looked at more coarsely on some members',
  historyRevisionsMax: 'how much history stays readable depends on who leads',
  'limits.stateBytesMax': 'when writes are refused depends on who leads',
  'limits.requestBytesMax': 'what one node takes another refuses',
  'limits.valueBytesMax': 'what one node takes another refuses',
  'limits.keyBytesMax': 'what one node takes another refuses',
  'limits.txnOperationsMax': 'what one node takes another refuses',
  'limits.logSlotsKeptMax': 'whether a member catches up by log or by snapshot depends on whom it asks',
  'limits.logBytesKeptMax': 'whether a member catches up by log or by snapshot depends on whom it asks',
}

/** What differs between members and should not. */
export function differenceFindings(facts: ClusterFacts): readonly Finding[] {
  return [...versions(facts), ...settings(facts)]
}

function versions(facts: ClusterFacts): Finding[] {
  const seen = new Map<string, string>()
  for (const { diagnosis } of answering(facts)) {
    for (const link of diagnosis?.links ?? []) if (link.version !== null) seen.set(link.member, link.version)
  }
  // What a node says of itself is newer than what others remember of it.
  for (const { name, status } of answering(facts)) if (status !== undefined) seen.set(name, status.node.version)
  if (new Set(seen.values()).size <= 1) return []
  return [
    {
      id: 'VERSION_MIX',
      severity: 'warning',
      subject: 'cluster',
      message: 'The members run different versions',
      evidence: grouped([...seen]),
      fix: 'finish the upgrade, one member at a time; meanwhile: paxos doctor --mute VERSION_MIX --for 2h',
    },
  ]
}

function settings(facts: ClusterFacts): Finding[] {
  return Object.entries(risks).flatMap(([key, risk]) => {
    const values = answering(facts).flatMap(({ name, diagnosis }): [string, string][] => {
      const value = diagnosis?.settings[key]
      return value === undefined ? [] : [[name, String(value)]]
    })
    if (new Set(values.map(([, value]) => value)).size <= 1) return []
    return [
      {
        id: 'CONFIG_DIFFERS' as const,
        severity: 'warning' as const,
        subject: 'cluster',
        message: `${key} differs: ${risk}`,
        evidence: grouped(values),
        fix: `give every member the same ${key}, then restart them one at a time: systemctl restart paxos`,
      },
    ]
  })
}

/** `0.1.0: n1, n2; 0.2.0: n3` */
function grouped(pairs: readonly (readonly [name: string, value: string])[]): string {
  const groups = Map.groupBy(pairs, ([, value]) => value)
  return [...groups].map(([value, members]) => `${value}: ${members.map(([name]) => name).join(', ')}`).join('; ')
}
