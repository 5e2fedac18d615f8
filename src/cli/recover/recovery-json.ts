import type { Member } from '../../protocol/epoch.ts'
import type { NodeId } from '../../protocol/ids.ts'
import type { Recovery } from '../../protocol/recovery/recovery.ts'
import type { SlotFinding } from '../../protocol/recovery/settle.ts'
import type { LogLineJson } from '../../wire/api-types.ts'
import type { FoundSurvivor } from './survivors.ts'

/** A plan as people and scripts see it. */
export interface RecoveryJson {
  readonly clusterId: string
  readonly epoch: number
  readonly q1: number
  readonly q2: number
  readonly acceptors: { readonly all: number; readonly left: number }
  readonly survivors: readonly {
    readonly member: string
    readonly id: string
    readonly kind: string
    readonly source: string
    readonly applied: number
    readonly chosen: number
    readonly reach: number
    readonly promised: string | null
    readonly needs: string
    readonly best: boolean
  }[]
  readonly dead: readonly string[]
  /** Everything below is kept for certain. */
  readonly from: number
  readonly slots: readonly SlotJson[]
  readonly loss: LossJson
  readonly next: { readonly epoch: number; readonly startSlot: number; readonly q1: number; readonly q2: number }
  readonly members: readonly { readonly name: string; readonly kind: string }[]
  readonly problems: readonly string[]
}

export type SlotJson = Omit<LogLineJson, 'state' | 'upTo'> & {
  readonly class: SlotFinding['class']
  /** Who is left and voted for it. */
  readonly voters: readonly string[]
  /** The silent may have chosen something else in this slot. */
  readonly mayDiffer: boolean
}

export interface LossJson {
  /** False: proved that nothing which was acknowledged is lost. */
  readonly possible: boolean
  /** Slots below the end of what is left in which something may be lost. */
  readonly slots: readonly number[]
  /** From here on the silent alone may have chosen more; null when proved that they did not. */
  readonly from: number | null
  /** By how much revisions and session numbers are raised. */
  readonly raisedBy: number
}

export async function recoveryJson(
  recovery: Recovery,
  found: readonly FoundSurvivor[],
  problems: readonly string[],
): Promise<RecoveryJson> {
  const { logLineJson } = await import('../../daemon/api/log-line.ts')
  const { acceptorIds } = await import('../../protocol/epoch.ts')
  const { formatBallot } = await import('../../protocol/ballot.ts')
  const { epoch, standings, next, logs, dead, from, mayGoOnFrom, raisedBy } = recovery
  const members = [...epoch.members, ...next.members, ...dead]
  const acceptors = acceptorIds(epoch)
  const furthest = Math.max(...standings.map(({ reach }) => reach))
  const findings = logs.flatMap((log) => log.findings)
  return {
    clusterId: found[0]?.survivor.clusterId ?? '',
    epoch: epoch.number,
    q1: epoch.q1,
    q2: epoch.q2,
    acceptors: { all: acceptors.size, left: found.filter(({ survivor }) => acceptors.has(survivor.id)).length },
    survivors: standings.flatMap(({ id, reach, needs }) =>
      found
        .filter(({ survivor }) => survivor.id === id)
        .map(({ survivor, source }) => {
          const log = survivor.logs.find((each) => each.epoch === epoch.number)
          return {
            member: survivor.name,
            id: String(id),
            kind: next.members.find((member) => member.id === id)?.kind ?? 'acceptor',
            source,
            applied: survivor.appliedUpTo,
            chosen: Math.max(log?.chosenUpTo ?? 0, survivor.appliedUpTo),
            reach,
            promised: log?.promised === undefined ? null : formatBallot(log.promised),
            needs,
            best: reach === furthest,
          }
        }),
    ),
    dead: dead.map(({ name }) => name),
    from,
    slots: findings.map(({ slot, epoch: number, class: kind, entry, ballot, voters, mayDiffer }) => {
      const { state: _, ...line } = logLineJson(
        { slot, epoch: epochOf(recovery, number), state: 'voted', ballot, entry },
        false,
      )
      return { ...line, class: kind, voters: voters.map((id) => nameOf(members, id)), mayDiffer }
    }),
    loss: {
      possible: raisedBy > 0,
      slots: findings.filter(({ mayDiffer }) => mayDiffer).map(({ slot }) => slot),
      from: mayGoOnFrom ?? null,
      raisedBy,
    },
    next: { epoch: next.number, startSlot: next.startSlot, q1: next.q1, q2: next.q2 },
    members: next.members.map(({ name, kind }) => ({ name, kind })),
    problems,
  }
}

function epochOf({ epochs, epoch }: Recovery, number: number): Recovery['epoch']['number'] {
  return epochs.find((each) => each.number === number)?.number ?? epoch.number
}

function nameOf(members: readonly Member[], id: NodeId): string {
  return members.find((member) => member.id === id)?.name ?? String(id)
}
