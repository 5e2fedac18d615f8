import { answering, type ClusterFacts, groupOf, leaderOf, type MemberFacts } from './cluster-facts.ts'
import type { Finding } from './finding.ts'
import { mend, shunned, shunnedMembers } from './shunned-checks.ts'

/** Slots behind; more and a node says itself that it is not ready. */
const lagSlotsMax = 1000
const skewMsMax = 500

export const clusterChecks: readonly ((facts: ClusterFacts) => readonly Finding[])[] = [
  quorums,
  leader,
  strangers,
  unreachable,
  diverged,
  shunned,
  notReady,
  lagging,
  links,
  gaps,
  clocks,
]

function quorums(facts: ClusterFacts): Finding[] {
  const group = groupOf(leaderOf(facts) ?? answering(facts)[0])
  if (group === undefined) return []
  const { q1, q2 } = group
  const acceptors = facts.roster.filter((member) => member.kind === 'acceptor').map((member) => member.name)
  const up = acceptors.filter((name) => isUp(facts, name))
  const down = acceptors.filter((name) => !up.includes(name))
  const evidence = `${up.length} of ${acceptors.length} acceptors are up; q1 ${q1}, q2 ${q2}${down.length === 0 ? '' : `; down: ${down.join(', ')}`}`
  const fix =
    down.length === 0
      ? `paxos quorum explain --nodes ${acceptors.length}`
      : bringBack(down, [...shunnedMembers(facts).keys()])
  const finding = (id: Finding['id'], severity: Finding['severity'], message: string): Finding[] => [
    { id, severity, subject: 'cluster', message, evidence, fix },
  ]
  if (up.length < q2) return finding('QUORUM_LOST', 'error', 'Too few members are up to write')
  if (up.length < q1) return finding('QUORUM_MARGIN', 'error', 'No new leader can be elected when this one goes')
  if (up.length > Math.max(q1, q2)) return []
  // A cluster that is whole and can spare nobody was made so.
  const message = 'One more member down, and the cluster stops'
  return finding('QUORUM_MARGIN', down.length === 0 ? 'info' : 'warning', message)
}

function bringBack(down: readonly string[], forgetful: readonly string[]): string {
  const stopped = down.filter((name) => !forgetful.includes(name))
  const start = `on ${stopped.join(', ')}: systemctl start paxos; then: paxos cluster status --watch`
  const lost = down.filter((name) => forgetful.includes(name)).map(mend)
  return [...(stopped.length === 0 ? [] : [start]), ...lost].join('; and ')
}

/** As the leader hears it; without one, whoever answers the operator. */
function isUp(facts: ClusterFacts, name: string): boolean {
  const judge = leaderOf(facts)
  if (judge === undefined) return answering(facts).some((member) => member.name === name)
  return judge.name === name || isReachedBy(judge, name)
}

function isReachedBy(member: MemberFacts, name: string): boolean {
  return member.status?.members.some((other) => other.name === name && other.reachable) === true
}

function leader(facts: ClusterFacts): Finding[] {
  if (leaderOf(facts) !== undefined) return []
  const seen = answering(facts).map(
    (member) => `${member.name} is ${groupOf(member)?.role} at ${groupOf(member)?.ballot}`,
  )
  return [
    {
      id: 'NO_LEADER',
      severity: 'error',
      subject: 'cluster',
      message: 'No member leads: writes and linearizable reads wait',
      evidence: seen.join(', '),
      fix: 'paxos cluster status --watch',
    },
  ]
}

function strangers(facts: ClusterFacts): Finding[] {
  const names = new Set(facts.roster.map((member) => member.name))
  return facts.members.flatMap(({ name, endpoint, status, diagnosis }): Finding[] => {
    if (status === undefined) return []
    if (status.clusterId !== facts.clusterId) {
      const { clusterId } = status
      const others = `${endpoint} is ${name} of cluster ${clusterId}; the others are ${facts.clusterId}`
      // A member knows whether the cluster was recovered, and what is to be done with who was not there.
      const said = (diagnosis?.links ?? []).flatMap(({ member, refusal }) => {
        const isThis = refusal?.by === 'member' && refusal.code === 'WRONG_CLUSTER'
        return isThis ? [`${member} says: ${refusal.message}`] : []
      })
      return [
        {
          id: 'OTHER_CLUSTER',
          severity: 'error',
          subject: name,
          message: 'A node that was asked belongs to another cluster',
          evidence: [others, ...said.slice(0, 1)].join('; '),
          fix: `paxos node status --endpoints ${endpoint}; then compare token, members, q1, q2 and leaseMs`,
        },
      ]
    }
    if (names.has(name)) return []
    return [
      {
        id: 'NOT_A_MEMBER',
        severity: 'warning',
        subject: name,
        message: 'A node that was asked is no member of the newest epoch',
        evidence: `${endpoint} knows epoch ${status.groups[0]?.epoch}; members now: ${[...names].join(', ')}`,
        fix: `on ${name}: systemctl disable --now paxos, when it was removed; leave ${endpoint} out of the endpoints`,
      },
    ]
  })
}

function unreachable(facts: ClusterFacts): Finding[] {
  const refused = shunnedMembers(facts)
  return facts.members
    .filter((member) => member.status === undefined && !refused.has(member.name))
    .map((member) => {
      const reachedBy = answering(facts).filter((other) => isReachedBy(other, member.name))
      const isHeard = reachedBy.length > 0
      const where = member.endpoint ?? facts.roster.find(({ name }) => name === member.name)?.peerAddress ?? ''
      return {
        id: 'MEMBER_UNREACHABLE',
        severity: isHeard ? 'warning' : 'error',
        subject: member.name,
        message: isHeard
          ? 'The member does not answer you; the others reach it'
          : 'The member does not answer, and no other reaches it',
        evidence: `${where}: ${member.failure ?? 'no answer'}${isHeard ? `; reached by ${reachedBy.map(({ name }) => name).join(', ')}` : ''}`,
        fix: isHeard
          ? `paxos node status --endpoints ${member.endpoint ?? `${member.name}:7601`}`
          : `on ${member.name}: systemctl status paxos; systemctl start paxos`,
      }
    })
}

function diverged(facts: ClusterFacts): Finding[] {
  return divergedNames(facts).map((name) => {
    const witnesses = answering(facts).filter((member) => groupOf(member)?.diverged.includes(name))
    const reason = groupOf(answering(facts).find((member) => member.name === name))?.notReady ?? null
    return {
      id: 'DIVERGED',
      severity: 'error',
      subject: name,
      message: 'The data of the member are not those of the others',
      evidence: `said by ${witnesses.map((member) => member.name).join(', ')}${reason === null ? '' : `; ${name} itself: ${reason}`}`,
      fix: 'paxos log verify; then paxos debug bundle BUNDLE, before anything is changed',
    }
  })
}

/** Whom any member has found to differ, in the order of the roster. */
function divergedNames(facts: ClusterFacts): readonly string[] {
  const named = new Set(answering(facts).flatMap((member) => groupOf(member)?.diverged ?? []))
  return facts.roster.map((member) => member.name).filter((name) => named.has(name))
}

function notReady(facts: ClusterFacts): Finding[] {
  const refused = shunnedMembers(facts)
  return answering(facts).flatMap((member) => {
    const reason = groupOf(member)?.notReady ?? null
    // A member whose data differ, or that the others refuse, has a finding of its own.
    if (reason === null || divergedNames(facts).includes(member.name) || refused.has(member.name)) return []
    return [
      {
        id: 'MEMBER_NOT_READY',
        severity: 'warning',
        subject: member.name,
        message: 'The member does not serve',
        evidence: reason,
        fix: `paxos node status --endpoints ${member.endpoint}`,
      },
    ]
  })
}

function lagging(facts: ClusterFacts): Finding[] {
  const members = answering(facts)
  const highest = Math.max(0, ...members.map((member) => groupOf(member)?.chosen ?? 0))
  return members.flatMap((member) => {
    const applied = groupOf(member)?.applied ?? highest
    if (highest - applied <= lagSlotsMax) return []
    return [
      {
        id: 'MEMBER_LAGS',
        severity: 'warning',
        subject: member.name,
        message: 'The member is far behind',
        evidence: `${highest - applied} slots: applied ${applied}, chosen ${highest}`,
        fix: `paxos cluster status --watch; if it does not catch up: curl ${member.endpoint}/metrics | grep -E 'commit_duration|peer_connected'`,
      },
    ]
  })
}

function links(facts: ClusterFacts): Finding[] {
  const members = answering(facts)
  const refused = shunnedMembers(facts)
  const linked = members.filter(({ name }) => !refused.has(name))
  const names = new Set(linked.map(({ name }) => name))
  return linked.flatMap((member) => {
    const broken = (member.diagnosis?.links ?? []).filter((link) => !link.connected && names.has(link.member))
    return broken.map((link) => {
      const address = facts.roster.find(({ name }) => name === link.member)?.peerAddress
      return {
        id: 'LINK_DOWN' as const,
        severity: 'warning' as const,
        subject: member.name,
        message: `Its messages do not reach ${link.member}, which is up`,
        evidence: `${address}: ${link.lastError ?? 'not connected yet'}`,
        fix: `on ${member.name}: nc -vz ${address?.replace(/:(\d+)$/, ' $1')}; then the firewall of ${link.member}`,
      }
    })
  })
}

function gaps({ gaps: found }: ClusterFacts): Finding[] {
  if (found === undefined || found.rows.length === 0) return []
  const rows = found.rows.slice(0, 3).map((row) => `${row.from}…${row.to - 1} ${row.class}`)
  return [
    {
      id: 'LOG_GAPS',
      severity: 'warning',
      subject: 'cluster',
      message: 'Slots do not become chosen',
      evidence: `${rows.join(', ')}${found.rows.length > 3 ? ' and more' : ''}; ${found.silent.length === 0 ? 'all acceptors answered' : `no answer from ${found.silent.join(', ')}`}`,
      fix: 'paxos log gaps',
    },
  ]
}

/** The two clocks that differ most, by what is certain of it. */
function clocks(facts: ClusterFacts): Finding[] {
  const known = answering(facts).flatMap(({ name, clock }) => (clock === undefined ? [] : [{ name, ...clock }]))
  let worst = { byMs: 0, ahead: '', behind: '' }
  for (const a of known) {
    for (const b of known) {
      const byMs = a.offsetMs - b.offsetMs - a.uncertaintyMs - b.uncertaintyMs
      if (byMs > worst.byMs) worst = { byMs, ahead: a.name, behind: b.name }
    }
  }
  if (worst.byMs <= skewMsMax) return []
  const offsets = known.map(
    ({ name, offsetMs, uncertaintyMs }) =>
      `${name} ${offsetMs >= 0 ? '+' : '−'}${Math.abs(Math.round(offsetMs))} ±${Math.ceil(uncertaintyMs)} ms`,
  )
  return [
    {
      id: 'CLOCK_SKEW',
      severity: 'warning',
      subject: 'cluster',
      message: `The clock of ${worst.ahead} is at least ${Math.round(worst.byMs)} ms ahead of that of ${worst.behind}`,
      evidence: `beside the clock here: ${offsets.join(', ')}`,
      fix: `on ${worst.ahead} and ${worst.behind}: timedatectl status; chronyc makestep`,
    },
  ]
}
