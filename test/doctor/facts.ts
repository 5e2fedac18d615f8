import type { ClusterFacts, MemberFacts } from '../../src/cli/doctor/cluster-facts.ts'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import type { DiagnosisJson, GapsJson, GroupStatusJson, StatusJson } from '../../src/wire/api-types.ts'

export const names = ['n1', 'n2', 'n3'] as const
export type Name = (typeof names)[number]

export function statusOf(
  name: Name,
  group: Partial<GroupStatusJson> = {},
  reachable: readonly string[] = names,
): StatusJson {
  const at = names.indexOf(name)
  return {
    clusterId: 'c',
    node: {
      name,
      id: String(at + 1),
      pid: 1,
      incarnation: 1,
      version: '1.0.0',
      clientAddress: `h:${at}`,
      peerAddress: `p:${at}`,
      featureLevels: { min: 1, max: 1 },
    },
    groups: [
      {
        ...{
          group: '0',
          epoch: 1,
          featureLevel: 1,
          protocol: 'multi',
          role: name === 'n1' ? 'leader' : 'follower',
          leader: 'n1',
        },
        ...{ ballot: '3.1', promised: '3.1', chosen: 5000, applied: 5000, durable: 4990, truncated: 10, revision: 50 },
        ...{ compactedRevision: 0, steady: name === 'n1', notReady: null, sessions: 0, q1: 2, q2: 2, leaseMs: 0 },
        ...{ verifiedUpTo: 5000, diverged: [] },
        ...{ openSlots: 0, logBytes: 0, elections: 0, queuedRequests: 0, queuedReads: 0 },
        ...group,
      },
    ],
    members: names.map((member, index) => ({
      ...{ name: member, id: String(index + 1), kind: 'acceptor', reachable: reachable.includes(member), lagSlots: 0 },
      ...{ peerAddress: `p:${index}`, clientAddress: `h:${index}` },
    })),
  }
}

export const gib = 1024 ** 3

/** Of a node without faults. */
export function diagnosisOf(name: string, changes: Partial<DiagnosisJson> = {}): DiagnosisJson {
  return {
    clusterId: 'c',
    node: { name, pid: 7, version: '1.0.0', runtime: 'v24.0.0', uptimeMs: 60_000 },
    wallMs: 0,
    flush: { count: 100, p99Ms: 3, maxMs: 9 },
    loop: { maxMs: 20, stalledSeconds: 0 },
    disk: { freeBytes: 50 * gib, totalBytes: 100 * gib, acceptorBytes: 1e6, stateBytes: 1e6, lossBytesPerSecond: 0 },
    state: { usedBytes: 1e6, growthBytesPerSecond: 0 },
    backups: null,
    directory: {
      path: '/data',
      uid: 10,
      files: [
        { name: '.', kind: 'directory', mode: '0700', uid: 10 },
        { name: 'acceptor.mdb', kind: 'file', mode: '0600', uid: 10 },
        { name: 'lock.sock', kind: 'socket', mode: '0755', uid: 10 },
        { name: 'paxos.sock', kind: 'socket', mode: '0600', uid: 10 },
      ],
    },
    settings: { electionTimeoutMs: 500, heartbeatMs: 100, 'limits.freeSpaceMinBytes': gib / 16 },
    links: names
      .filter((other) => other !== name)
      .map((member) => ({
        member,
        connected: true,
        inbound: true,
        version: '1.0.0',
        featureLevels: { min: 1, max: 1 },
        lastError: null,
        refusal: null,
      })),
    ...changes,
  }
}

export function memberOf(name: Name, changes: Partial<MemberFacts> = {}): MemberFacts {
  return {
    name,
    endpoint: `http://h:${names.indexOf(name)}`,
    status: statusOf(name),
    diagnosis: diagnosisOf(name),
    clock: { offsetMs: 0, uncertaintyMs: 1 },
    failure: undefined,
    ...changes,
  }
}

export const noGaps: GapsJson = {
  ...{ group: '0', epoch: 1, from: 0, to: 0, more: false, answered: [...names], silent: [], highestVoted: null },
  ...{ known: true, chosenUpTo: 5000, rows: [] },
}

/** A healthy cluster of three, but for what is given. */
export function clusterOf(members: Partial<Record<Name, Partial<MemberFacts>>> = {}, gaps = noGaps): ClusterFacts {
  return {
    clusterId: 'c',
    roster: statusOf('n1').members,
    members: names.map((name) => memberOf(name, members[name])),
    gaps,
  }
}

/** As if its process had died: nobody hears it. */
export const gone = { status: undefined, diagnosis: undefined, clock: undefined, failure: 'refused' } as const

/** `ID severity subject` of each. */
export function brief(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ id, severity, subject }) => `${id} ${severity} ${subject}`)
}
