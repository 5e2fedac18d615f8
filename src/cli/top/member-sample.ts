import { riseOf, type Scrape, type Spread, spreadOf, sumOf } from './exposition.ts'

/** What one member did in one interval; null where it did nothing of the kind, or cannot say. */
export interface MemberSample {
  readonly member: string
  readonly endpoint: string | null
  /** False: it did not answer in time. Everything else is null then. */
  readonly answers: boolean
  readonly role: 'leader' | 'follower' | 'no leader' | null
  /** Writes that entered here. */
  readonly writesPerSecond: number | null
  readonly writeMs: number | null
  readonly writeP99Ms: number | null
  readonly readsPerSecond: number | null
  readonly readMs: number | null
  readonly readP99Ms: number | null
  /** Requests in a slot that it proposed. */
  readonly batch: number | null
  readonly flushesPerSecond: number | null
  readonly flushMs: number | null
  readonly flushP99Ms: number | null
  readonly appliedPerSecond: number | null
  /** Requests and reads that wait. */
  readonly queued: number | null
  readonly clients: number | null
  /** Share of one processor. */
  readonly cpu: number | null
  readonly memoryBytes: number | null
  readonly appliedSlot: number | null
}

export const silent: Omit<MemberSample, 'member' | 'endpoint'> = {
  ...{ answers: false, role: null, writesPerSecond: null, writeMs: null, writeP99Ms: null, readsPerSecond: null },
  ...{ readMs: null, readP99Ms: null, batch: null, flushesPerSecond: null, flushMs: null, flushP99Ms: null },
  ...{ appliedPerSecond: null, queued: null, clients: null, cpu: null, memoryBytes: null, appliedSlot: null },
}

/** Without a scrape before there are no rates: the member answers for the first time, or again. */
export function sampleOf(before: Scrape | undefined, after: Scrape): Omit<MemberSample, 'member' | 'endpoint'> {
  const seconds = before === undefined ? Number.NaN : (after.at - before.at) / 1000
  const rise = (name: string): number | undefined => (before === undefined ? undefined : riseOf(before, after, name))
  const spread = (name: string): Spread | undefined =>
    before === undefined ? undefined : spreadOf(before, after, name)
  const perSecond = (count: number | undefined): number | null =>
    count === undefined ? null : rounded(count / seconds)
  const ms = (value: number | null | undefined): number | null => (value == null ? null : rounded(value * 1000))
  const [writes, reads] = [spread('paxos_request_duration_seconds'), spread('paxos_read_duration_seconds')]
  const flushes = spread('paxos_commit_duration_seconds')
  const [proposals, proposed] = [rise('paxos_proposals_total'), rise('paxos_proposed_requests_total')]
  const queued = sumOf(after, 'paxos_queued_requests')
  return {
    answers: true,
    role: roleOf(after),
    writesPerSecond: perSecond(writes?.count),
    writeMs: ms(writes?.mean),
    writeP99Ms: ms(writes?.p99),
    readsPerSecond: perSecond(reads?.count),
    readMs: ms(reads?.mean),
    readP99Ms: ms(reads?.p99),
    batch: proposals === undefined || proposed === undefined || proposals === 0 ? null : rounded(proposed / proposals),
    flushesPerSecond: perSecond(flushes?.count),
    flushMs: ms(flushes?.mean),
    flushP99Ms: ms(flushes?.p99),
    appliedPerSecond: perSecond(rise('paxos_applied_requests_total')),
    queued: queued === undefined ? null : queued + (sumOf(after, 'paxos_queued_reads') ?? 0),
    clients: sumOf(after, 'paxos_client_connections') ?? null,
    cpu: perSecond(rise('process_cpu_seconds_total')),
    memoryBytes: sumOf(after, 'process_resident_memory_bytes') ?? null,
    appliedSlot: sumOf(after, 'paxos_applied_slot') ?? null,
  }
}

/** To thousandths. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}

function roleOf(scrape: Scrape): MemberSample['role'] {
  if (sumOf(scrape, 'paxos_is_leader') === 1) return 'leader'
  return sumOf(scrape, 'paxos_has_leader') === 1 ? 'follower' : 'no leader'
}
