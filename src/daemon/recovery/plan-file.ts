/**
 * The plan of a recovery as a file: JSON for people to review, with a checksum over all of it, because what it says is written
 * into data directories as chosen. Whitespace may change; anything else makes another plan, which is refused.
 */
import { createHash } from 'node:crypto'
import { PaxosError } from '../../base/error.ts'
import type { Ballot } from '../../protocol/ballot.ts'
import type { Epoch, Member } from '../../protocol/epoch.ts'
import { epochFields } from '../../protocol/epoch-codec.ts'
import { firstGroup, type NodeId, type Slot, toEpochNumber, toNodeId, toSlot } from '../../protocol/ids.ts'
import type { SlotEntry } from '../../protocol/multipaxos/message.ts'
import type { Recovery } from '../../protocol/recovery/recovery.ts'
import { endOf } from '../../protocol/recovery/settle.ts'
import type { Survivor } from '../../protocol/recovery/survivor.ts'
import { ballotJson, entryJson, JsonReader, readBallot, readEntry, readEpoch } from '../../wire/survivor-json.ts'
import { type DecidedRange, fingerprintOf } from './fingerprint.ts'

export const planFormat = 1
const planKind = 'paxos recovery plan'

export interface PlannedSurvivor {
  readonly id: NodeId
  readonly name: string
  readonly diskId: string
  readonly appliedUpTo: Slot
  readonly needs: string
  readonly fingerprint: string
}

export interface PlannedLog {
  readonly epoch: number
  readonly ballot: Ballot
  readonly from: Slot
  readonly entries: readonly SlotEntry[]
}

export interface PlanFile {
  readonly madeAt: string
  readonly madeBy: string
  readonly clusterId: string
  /** The id of the cluster from then on. It depends on everything in the plan. */
  readonly recoveredId: string
  readonly from: Slot
  readonly epochs: readonly Epoch[]
  readonly next: Epoch
  readonly raisedBy: number
  readonly mayGoOnFrom: Slot | undefined
  readonly survivors: readonly PlannedSurvivor[]
  readonly dead: readonly Member[]
  readonly logs: readonly PlannedLog[]
}

/** `about`: what people shall see of it, and no program reads. */
export function encodePlan(
  recovery: Recovery,
  survivors: readonly Survivor[],
  made: { readonly at: string; readonly by: string },
  about: object,
): string {
  const { logs, epochs, next, from, raisedBy, mayGoOnFrom, dead, standings } = recovery
  const ranges = rangesOf(logs.map((log) => ({ epoch: log.epoch.number, from: log.from, to: endOf(log) })))
  const body = {
    kind: planKind,
    format: planFormat,
    madeAt: made.at,
    madeBy: made.by,
    group: firstGroup,
    clusterId: survivors[0]?.clusterId ?? '',
    about,
    survivors: standings.flatMap(({ id, needs }) =>
      survivors
        .filter((survivor) => survivor.id === id)
        .map((survivor) => ({
          id,
          name: survivor.name,
          diskId: survivor.diskId,
          appliedUpTo: survivor.appliedUpTo,
          needs,
          fingerprint: fingerprintOf(survivor, ranges),
        })),
    ),
    dead,
    from,
    mayGoOnFrom: mayGoOnFrom ?? null,
    raisedBy,
    epochs: epochs.map(epochFields),
    next: epochFields(next),
    logs: logs.map((log) => ({
      epoch: log.epoch.number,
      ballot: ballotJson(log.ballot),
      from: log.from,
      entries: log.entries.map(({ entry }) => entryJson(entry)),
    })),
  }
  const whole = { ...body, recoveredId: recoveredClusterId(body.clusterId, body) }
  return `${JSON.stringify({ ...whole, sha256: sha256(JSON.stringify(whole)) }, null, 2)}\n`
}

/** Throws PaxosError RECOVERY_REFUSED. */
export function decodePlan(text: string, path: string): PlanFile {
  try {
    return readPlan(JSON.parse(text))
  } catch (error) {
    if (error instanceof PaxosError && error.code === 'RECOVERY_REFUSED') throw error
    const why = error instanceof Error ? error.message : String(error)
    throw refusedPlan(`Cannot use ${path}: it is no recovery plan, or it is damaged: ${why}`, error)
  }
}

/** Which slots a plan decides in each epoch. */
export function rangesOf(
  logs: readonly { readonly epoch: number; readonly from: number; readonly to: number }[],
): readonly DecidedRange[] {
  return logs.map(({ epoch, from, to }, at) => ({
    epoch: toEpochNumber(epoch),
    from,
    to: at === logs.length - 1 ? undefined : to,
  }))
}

function readPlan(value: unknown): PlanFile {
  const from = new JsonReader(value, 'the plan')
  if (from.text('kind') !== planKind) throw new Error('it is another kind of file')
  const format = from.count('format')
  if (format !== planFormat) throw refusedPlan(`The plan has format ${format}, this version knows ${planFormat}`)
  const { sha256: sum, ...whole } = value as Record<string, unknown>
  if (sum !== sha256(JSON.stringify(whole))) throw new Error('its checksum does not match')
  return {
    madeAt: from.text('madeAt'),
    madeBy: from.text('madeBy'),
    clusterId: from.text('clusterId'),
    recoveredId: from.text('recoveredId'),
    from: toSlot(from.count('from')),
    mayGoOnFrom: from.value('mayGoOnFrom') === null ? undefined : toSlot(from.count('mayGoOnFrom')),
    raisedBy: from.count('raisedBy'),
    epochs: from.list('epochs').map(readEpoch),
    next: readEpoch(from.value('next')),
    dead: from.list('dead').map(readMember),
    survivors: from.list('survivors').map(readPlanned),
    logs: from.list('logs').map(readLog),
  }
}

function readPlanned(value: unknown): PlannedSurvivor {
  const from = new JsonReader(value, 'a survivor')
  return {
    id: toNodeId(from.count('id', 1)),
    name: from.text('name'),
    diskId: from.text('diskId'),
    appliedUpTo: toSlot(from.count('appliedUpTo')),
    needs: from.text('needs'),
    fingerprint: from.text('fingerprint'),
  }
}

function readMember(value: unknown): Member {
  const from = new JsonReader(value, 'a member')
  const kind = from.text('kind') === 'learner' ? 'learner' : 'acceptor'
  return { id: toNodeId(from.count('id', 1)), name: from.text('name'), peerAddress: from.text('peerAddress'), kind }
}

function readLog(value: unknown): PlannedLog {
  const log = new JsonReader(value, 'a log')
  const from = log.count('from')
  const entries = log.list('entries').map((each, at) => {
    return { slot: toSlot(from + at), entry: readEntry(new JsonReader(each, 'an entry')) }
  })
  return { epoch: log.count('epoch', 1), ballot: readBallot(log.value('ballot')), from: toSlot(from), entries }
}

function recoveredClusterId(before: string, body: object): string {
  return sha256(JSON.stringify(['paxos recovered cluster 1', before, sha256(JSON.stringify(body))])).slice(0, 32)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function refusedPlan(message: string, cause?: unknown): PaxosError {
  return new PaxosError('RECOVERY_REFUSED', message, {
    hint: 'Nothing was changed. Copy the file again from where it was made, or make a new plan with `paxos recover plan`.',
    cause,
  })
}
