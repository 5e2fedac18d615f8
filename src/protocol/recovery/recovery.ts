/**
 * Plans how a group goes on with the acceptors that are left: which entry each open slot gets, which epoch begins after
 * them, and what may be lost. Pure: what it is given decides everything, and everybody who is given the same plans the same.
 */
import type { Entry } from '../entry.ts'
import { acceptorIds, type Epoch, isMember, type Member, type NextEpoch, quorumsOf } from '../epoch.ts'
import { encodeRecoveryStopSign, epochAfter } from '../epoch-codec.ts'
import { epochDifference } from '../epoch-difference.ts'
import { auditLevel } from '../feature-level.ts'
import { type NodeId, type Slot, toEpochNumber } from '../ids.ts'
import { type Attribution, detailBytesMax } from '../origin.ts'
import { majority, quorumProblem } from '../quorum.ts'
import { heldFrom, reachOf } from './reach.ts'
import { endOf, type SettledLog, settleLog } from './settle.ts'
import { mergeEpochs, type Survivor } from './survivor.ts'
import { survivorProblems } from './survivor-problems.ts'

export interface RecoveryInput {
  readonly survivors: readonly Survivor[]
  /** Names or ids of the members that are gone for good. */
  readonly dead: readonly string[]
  /** Of the epoch that begins; majorities if not given. */
  readonly q1: number | undefined
  readonly q2: number | undefined
  /** How far revisions and session numbers are raised when something may be lost. */
  readonly raiseBy: number
  /** For the audit trail, where the cluster has one: who recovers it, and when. */
  readonly by: Omit<Attribution, 'detail'>
}

export interface SurvivorStanding {
  readonly id: NodeId
  /** What it can apply by itself. */
  readonly reach: Slot
  /** What it needs from the others before it is where the recovered log begins. */
  readonly needs: 'nothing' | 'entries' | 'snapshot'
}

export interface Recovery {
  /** The epoch whose quorum is lost. */
  readonly epoch: Epoch
  readonly dead: readonly Member[]
  /** Below, everything is chosen and in the data or the log of somebody who is left. */
  readonly from: Slot
  /** In the order of slots. The last one ends with the stop sign that begins `next`. */
  readonly logs: readonly SettledLog[]
  readonly next: Epoch
  /** All that have begun before `next`. */
  readonly epochs: readonly Epoch[]
  /** From this slot of the old log on, entries may have been chosen of which nothing is left. */
  readonly mayGoOnFrom: Slot | undefined
  readonly raisedBy: number
  /** Those that reach furthest first. */
  readonly standings: readonly SurvivorStanding[]
}

export interface PlannedRecovery {
  /** Why it must not be done; empty when it may. */
  readonly problems: readonly string[]
  /** Undefined when the problems leave nothing to judge. */
  readonly recovery: Recovery | undefined
}

export function planRecovery(input: RecoveryInput): PlannedRecovery {
  const { survivors } = input
  const broken = survivors.length === 0 ? ['There is nobody to recover from.'] : survivorProblems(survivors)
  const known = mergeEpochs(...survivors.map(({ epochs }) => epochs))
  const epoch = known.at(-1)
  if (broken.length > 0 || epoch === undefined) return { problems: broken, recovery: undefined }
  const strangers = survivors.filter(({ id }) => !isMember(epoch, id))
  if (strangers.length > 0) {
    const problems = strangers.map(({ name }) => `${name} is no member of epoch ${epoch.number}, the newest.`)
    return { problems, recovery: undefined }
  }
  const from = reachOf(survivors, known)
  const { logs, epochs, problems } = settleAll(known, from, survivors)
  const last = epochs.at(-1) ?? epoch
  const mayGoOnFrom = logs.filter(({ mayGoOn }) => mayGoOn).map(endOf)[0]
  const isLossy = mayGoOnFrom !== undefined || logs.some((log) => log.findings.some(({ mayDiffer }) => mayDiffer))
  const raisedBy = isLossy ? input.raiseBy : 0
  const next = nextEpoch(input, last, epoch)
  const dead = membersOf(last, epoch).filter(({ id }) => !survivors.some((survivor) => survivor.id === id))
  const detail = `recovered from the loss of its quorum, ${epochDifference(last, next)}`.slice(0, detailBytesMax)
  const by = last.featureLevel >= auditLevel ? { ...input.by, detail } : undefined
  const ended = endWith(logs, { kind: 'stopSign', payload: encodeRecoveryStopSign(next, raisedBy, by) })
  const startSlot = ended.map(endOf).at(-1) ?? from
  const recovery: Recovery = {
    ...{ epoch, dead, from, epochs, raisedBy, mayGoOnFrom },
    logs: ended,
    next: { ...next, startSlot },
    standings: standingsOf(survivors, known, from),
  }
  return { problems: [...problems, ...problemsOf(input, recovery)], recovery }
}

/** All logs from the slot on, and the epochs that there are then. */
function settleAll(
  known: readonly Epoch[],
  from: Slot,
  survivors: readonly Survivor[],
): { logs: readonly SettledLog[]; epochs: readonly Epoch[]; problems: readonly string[] } {
  const logs: SettledLog[] = []
  const problems: string[] = []
  let at = from
  for (const [index, epoch] of known.entries()) {
    const next = known[index + 1]
    if (next !== undefined && next.startSlot <= at) continue
    const log = settleLog(epoch, at, survivors, next)
    logs.push(log)
    at = endOf(log)
    if (next !== undefined && at !== next.startSlot) {
      problems.push(`Epoch ${next.number} began in slot ${next.startSlot}, but the log before it ends in slot ${at}.`)
    }
  }
  const pending = logs.at(-1)?.entries.at(-1)
  if (pending?.entry.kind !== 'stopSign') return { logs, epochs: known, problems }
  // A change of epoch was under way, and the silent may be through with it: it is finished first.
  const begun = epochAfter(pending.slot, pending.entry.payload)
  if (begun === undefined) {
    problems.push(`Slot ${pending.slot} begins an epoch that this version does not know.`)
    return { logs, epochs: known, problems }
  }
  logs.push(settleLog(begun, begun.startSlot, survivors, undefined))
  return { logs, epochs: [...known, begun], problems }
}

function endWith(logs: readonly SettledLog[], entry: Entry): readonly SettledLog[] {
  const last = logs.at(-1)
  if (last === undefined) return logs
  return [...logs.slice(0, -1), { ...last, entries: [...last.entries, { slot: endOf(last), entry }] }]
}

/** Everybody who is left; as acceptors, if only learners are. */
function nextEpoch({ survivors, q1, q2 }: RecoveryInput, last: Epoch, before: Epoch): NextEpoch {
  const left = membersOf(last, before).filter(({ id }) => survivors.some((survivor) => survivor.id === id))
  const onlyLearners = left.every(({ kind }) => kind === 'learner')
  const members = left.map((member): Member => (onlyLearners ? { ...member, kind: 'acceptor' } : member))
  const n = members.filter(({ kind }) => kind === 'acceptor').length
  const { protocol, leaseMs, featureLevel, highestId } = last
  const sizes = { q1: q1 ?? majority(n), q2: q2 ?? majority(n) }
  return { number: toEpochNumber(last.number + 1), protocol, members, ...sizes, leaseMs, featureLevel, highestId }
}

/** As the newer epoch has them; and those that it took out, who may be needed. */
function membersOf(last: Epoch, before: Epoch): readonly Member[] {
  const removed = before.members.filter(({ id }) => last !== before && !isMember(last, id))
  return [...last.members, ...removed].sort((a, b) => a.id - b.id)
}

function problemsOf(
  { survivors, dead: named }: RecoveryInput,
  { epoch, dead, next, logs, epochs }: Recovery,
): string[] {
  const problems: string[] = []
  const { isPhase1, isPhase2 } = quorumsOf(epoch)
  const left = new Set([...acceptorIds(epoch)].filter((id) => survivors.some((survivor) => survivor.id === id)))
  if (isPhase1(left) && isPhase2(left)) {
    const names = survivors.map(({ name }) => name).join(', ')
    problems.push(`There is a quorum still: start ${names}, and they serve. Nothing has to be recovered.`)
  }
  const isNamed = ({ name, id }: Member): boolean => named.includes(name) || named.includes(String(id))
  for (const member of dead) {
    if (!isNamed(member)) problems.push(`${member.name} is not accounted for: give its state, or name it as dead.`)
  }
  const members = epochs.flatMap((each) => each.members)
  for (const wanted of named) {
    const member = members.find(({ name, id }) => name === wanted || String(id) === wanted)
    if (member === undefined) problems.push(`There is no member ${JSON.stringify(wanted)} that could be dead.`)
    else if (survivors.some(({ id }) => id === member.id)) {
      problems.push(`${member.name} is named as dead, and its state is given.`)
    }
  }
  const n = acceptorIds(next).size
  const sizes = quorumProblem({ n, q1: next.q1, q2: next.q2 })
  if (sizes !== undefined) problems.push(`The next epoch cannot be: ${sizes}.`)
  const lost = logs.flatMap(({ findings }) => findings.filter((finding) => finding.class === 'lost'))
  if (lost.length > 0) {
    const [first, end] = [lost[0]?.slot, lost.at(-1)?.slot]
    problems.push(`Slots ${first} to ${end} are chosen, and nobody who is left has them or the data that came of them.`)
  }
  // Whoever is no member of an epoch has no log of it to end it in.
  const last = epochs.at(-1)
  if (last !== undefined && !survivors.some(({ id }) => isMember(last, id))) {
    problems.push(`Epoch ${last.number} may have begun, and nobody who is left is in it.`)
  }
  return problems
}

function standingsOf(
  survivors: readonly Survivor[],
  epochs: readonly Epoch[],
  from: Slot,
): readonly SurvivorStanding[] {
  const standings = survivors.map((survivor): SurvivorStanding => {
    const reach = reachOf([survivor], epochs)
    if (reach >= from) return { id: survivor.id, reach, needs: 'nothing' }
    const isHeld = survivors.some((other) => heldFrom(other, epochs, reach) > reach)
    return { id: survivor.id, reach, needs: isHeld ? 'entries' : 'snapshot' }
  })
  return standings.sort((a, b) => b.reach - a.reach || a.id - b.id)
}
