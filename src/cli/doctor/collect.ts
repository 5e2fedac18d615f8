import { PaxosError } from '../../base/error.ts'
import type { DiagnosisJson, GapsJson, MemberStatusJson, StatusJson } from '../../wire/api-types.ts'
import { pause } from '../pause.ts'
import { type ClusterFacts, groupOf, leaderOf, type MemberFacts } from './cluster-facts.ts'

/** What of AdminClient is asked. */
export interface FactSource {
  status(endpoint: string): Promise<StatusJson>
  diagnosis(endpoint: string): Promise<DiagnosisJson>
  gaps(endpoint: string, options?: { readonly from?: number; readonly to?: number }): Promise<GapsJson>
}

/** A gap that is there for longer is no slot on its way. */
const gapPauseMs = 1000

/**
 * Asks the endpoints, then every member that one of them names, at the client address that a member knows of it. Throws
 * PaxosError CANNOT_CONNECT when nobody answers.
 */
export async function collectCluster(source: FactSource, endpoints: readonly string[]): Promise<ClusterFacts> {
  const asked = new Map<string, Answer>()
  const ask = async (wanted: readonly string[]): Promise<void> => {
    const fresh = [...new Set(wanted)].filter((endpoint) => !asked.has(endpoint))
    const answers = await Promise.all(fresh.map((endpoint) => answerOf(source, endpoint)))
    for (const [at, endpoint] of fresh.entries()) asked.set(endpoint, answers[at] ?? { endpoint })
  }
  await ask(endpoints)
  const first = [...asked.values()].find(({ status }) => status !== undefined)?.status
  if (first === undefined) throw nobody([...asked.values()])
  const { clusterId } = first
  await ask(unheard(clusterId, first.members, [...asked.values()]).flatMap(([, addresses]) => addresses))
  const roster = newest([...asked.values()].filter((answer) => answer.status?.clusterId === clusterId))?.members ?? []
  const answers = [...asked.values()]
  const silent = new Map(unheard(clusterId, roster, answers))
  const members = roster.map(({ name }): MemberFacts => {
    const answer =
      answers.find(({ status }) => status?.node.name === name && status.clusterId === clusterId) ??
      asked.get(silent.get(name)?.[0] ?? '')
    return {
      name,
      endpoint: answer?.endpoint,
      status: answer?.status,
      diagnosis: answer?.diagnosis,
      clock: answer?.clock,
      failure: answer === undefined ? 'no member knows its client address' : answer.failure,
    }
  })
  const strangers = answers.filter(
    ({ status }) => status !== undefined && !members.some((member) => member.status === status),
  )
  const facts = { clusterId, roster, members: [...members, ...strangers.map(strangerFacts)], gaps: undefined }
  return { ...facts, gaps: await lastingGaps(source, facts) }
}

interface Answer {
  readonly endpoint: string
  readonly status?: StatusJson
  readonly diagnosis?: DiagnosisJson | undefined
  readonly clock?: MemberFacts['clock']
  readonly failure?: string
  readonly error?: PaxosError
}

async function answerOf(source: FactSource, endpoint: string): Promise<Answer> {
  try {
    // First, so that the connection is there when the clock is read.
    const status = await source.status(endpoint)
    const before = performance.now()
    const wallBefore = Date.now()
    const diagnosis = await source.diagnosis(endpoint).catch((error: unknown) => {
      if (error instanceof PaxosError) return undefined
      throw error
    })
    const tookMs = performance.now() - before
    const clock = diagnosis && {
      offsetMs: diagnosis.wallMs - (wallBefore + tookMs / 2),
      uncertaintyMs: tookMs / 2,
    }
    return { endpoint, status, diagnosis, clock }
  } catch (error) {
    if (!(error instanceof PaxosError)) throw error
    return { endpoint, failure: error.message, error }
  }
}

/** The members that have not answered, with the addresses at which the others would look for them. */
function unheard(
  clusterId: string,
  members: readonly MemberStatusJson[],
  answers: readonly Answer[],
): readonly (readonly [name: string, addresses: readonly string[]])[] {
  const ours = answers.flatMap(({ status }) => (status?.clusterId === clusterId ? [status] : []))
  const heard = new Set(ours.map(({ node }) => node.name))
  return members
    .filter(({ name }) => !heard.has(name))
    .map(({ name }) => {
      const known = ours.flatMap((status) => status.members.filter((member) => member.name === name))
      const addresses = known.flatMap(({ clientAddress }) =>
        clientAddress === null ? [] : [`http://${clientAddress}`],
      )
      return [name, [...new Set(addresses)]]
    })
}

function newest(answers: readonly Answer[]): StatusJson | undefined {
  const epoch = (status: StatusJson): number => status.groups[0]?.epoch ?? 0
  const all = answers.flatMap(({ status }) => (status === undefined ? [] : [status]))
  return all.reduce<StatusJson | undefined>(
    (best, status) => (best === undefined || epoch(status) > epoch(best) ? status : best),
    undefined,
  )
}

function nobody(answers: readonly Answer[]): PaxosError {
  const message = answers.map(({ failure }) => failure).join('; ')
  return new PaxosError('CANNOT_CONNECT', `No node answered: ${message}`, {
    hint: 'Give --endpoints; `paxos doctor --data-dir DIR` looks into the directory of a stopped node.',
  })
}

/** An endpoint that was given, and turned out to be something else than a member. */
function strangerFacts({ endpoint, status, diagnosis }: Answer): MemberFacts {
  const name = status?.node.name ?? endpoint
  return { name, endpoint, status, diagnosis, clock: undefined, failure: undefined }
}

/** What does not become chosen within a second. Asked of the leader, or of anyone when there is none. */
async function lastingGaps(source: FactSource, facts: Omit<ClusterFacts, 'gaps'>): Promise<GapsJson | undefined> {
  const whole: ClusterFacts = { ...facts, gaps: undefined }
  const endpoint = (leaderOf(whole) ?? facts.members.find((member) => groupOf(member) !== undefined))?.endpoint
  if (endpoint === undefined) return undefined
  try {
    const found = await source.gaps(endpoint)
    const rows = found.rows.filter(isStuck)
    if (rows.length === 0) return { ...found, rows }
    await pause(gapPauseMs)
    const again = await source.gaps(endpoint, { from: found.from, to: found.to })
    return { ...again, rows: again.rows.filter(isStuck) }
  } catch (error) {
    if (error instanceof PaxosError) return undefined
    throw error
  }
}

function isStuck(row: GapsJson['rows'][number]): boolean {
  return row.class === 'hole' || row.class === 'undecided' || row.class === 'unknown'
}
