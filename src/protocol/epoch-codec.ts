/**
 * Epochs as bytes: on disk, in stop signs and between members. JSON: they are few, small, and readable by whoever has to
 * look into a broken directory.
 */
import { fromBinary, toBinary } from '../base/bytes.ts'
import type { Epoch, Member, NextEpoch } from './epoch.ts'
import { nextSlot, type Slot, toEpochNumber, toNodeId, toSlot } from './ids.ts'
import { type Attribution, isAttribution } from './origin.ts'
import { quorumProblem } from './quorum.ts'

export function encodeEpoch(epoch: Epoch): Uint8Array {
  return encodeJson(epochFields(epoch))
}

/** Payload of the stop sign that ends the epoch before `next`. `by` only where all members understand level 2. */
export function encodeStopSign(next: NextEpoch, by?: Attribution): Uint8Array {
  return encodeJson({ ...ordered(next), ...auditFields(by) })
}

/** Of the stop sign that a recovery ends an epoch with: it may also raise the machine's counters. */
export function encodeRecoveryStopSign(next: NextEpoch, raisedBy: number, by?: Attribution): Uint8Array {
  return encodeJson({ ...ordered(next), ...(raisedBy === 0 ? {} : { raisedBy }), ...auditFields(by) })
}

function auditFields(by: Attribution | undefined): object {
  if (by === undefined) return {}
  const { actor, node, address } = by.origin
  return { audit: { actor, node, address, timeMs: by.timeMs, detail: by.detail } }
}

/** How far a stop sign raises revisions and session numbers: 0 unless a recovery made it. */
export function raisedBy(payload: Uint8Array): number {
  const value = parse(payload)
  return isObject(value) && isCount(value['raisedBy']) ? value['raisedBy'] : 0
}

/** Who asked for the epoch that a stop sign begins; undefined when it does not say. */
export function attributionOf(payload: Uint8Array): Attribution | undefined {
  const value = parse(payload)
  if (!isObject(value) || !isObject(value['audit'])) return undefined
  const { actor, node, address, timeMs, detail } = value['audit']
  const by = { origin: { actor, node, address }, timeMs, detail } as Attribution
  return isAttribution(by) ? by : undefined
}

/** Undefined when it is no epoch that this version can read. Whether it can take part in it is another question (`featureProblem`). */
export function decodeEpoch(body: Uint8Array): Epoch | undefined {
  return epochFrom(parse(body))
}

/** An epoch as plain values, for JSON. */
export function epochFields(epoch: Epoch): Epoch {
  return { ...ordered(epoch), startSlot: epoch.startSlot }
}

/** Undefined as for `decodeEpoch`. */
export function epochFrom(value: unknown): Epoch | undefined {
  const next = readNext(value)
  if (next === undefined || !isObject(value)) return undefined
  const { startSlot } = value
  return isCount(startSlot) ? { ...next, startSlot: toSlot(startSlot) } : undefined
}

/** The epoch that begins after a stop sign with this payload, chosen in `slot`. Undefined as for `decodeEpoch`. */
export function epochAfter(slot: Slot, payload: Uint8Array): Epoch | undefined {
  const next = readNext(parse(payload))
  return next === undefined ? undefined : { ...next, startSlot: nextSlot(slot) }
}

function ordered({ number, protocol, members, q1, q2, leaseMs, featureLevel, highestId }: NextEpoch): NextEpoch {
  const each = members.map(({ id, name, peerAddress, kind }) => ({ id, name, peerAddress, kind }))
  return { number, protocol, members: each, q1, q2, leaseMs, featureLevel, highestId }
}

function readNext(value: unknown): NextEpoch | undefined {
  if (!isObject(value) || !Array.isArray(value['members'])) return undefined
  const { number, protocol, q1, q2, leaseMs } = value
  if (!isCount(number) || number < 1 || protocol !== 'multi') return undefined
  if (!isCount(q1) || !isCount(q2) || !isCount(leaseMs)) return undefined
  const members: Member[] = []
  for (const each of value['members']) {
    const member = decodeMember(each)
    if (member === undefined) return undefined
    members.push(member)
  }
  const ids = new Set(members.map(({ id }) => id))
  // Directories of versions that knew one epoch only do not have it.
  const highestId = value['highestId'] ?? Math.max(0, ...ids)
  if (!isCount(highestId) || highestId < Math.max(0, ...ids) || ids.size !== members.length) return undefined
  // Nor do those of versions that knew one level only.
  const featureLevel = value['featureLevel'] ?? 1
  if (!isCount(featureLevel) || featureLevel < 1) return undefined
  const n = members.filter(({ kind }) => kind === 'acceptor').length
  if (n === 0 || quorumProblem({ n, q1, q2 }) !== undefined) return undefined
  return {
    number: toEpochNumber(number),
    protocol,
    members,
    q1,
    q2,
    leaseMs,
    featureLevel,
    highestId: toNodeId(highestId),
  }
}

function decodeMember(value: unknown): Member | undefined {
  if (!isObject(value)) return undefined
  const { id, name, peerAddress, kind } = value
  if (!isCount(id) || id < 1 || typeof name !== 'string' || typeof peerAddress !== 'string') return undefined
  if (kind !== 'acceptor' && kind !== 'learner') return undefined
  return { id: toNodeId(id), name, peerAddress, kind }
}

/** In ASCII, so that bytes and text are the same without a decoder. */
function encodeJson(value: object): Uint8Array {
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return fromBinary(JSON.stringify(value).replace(/[\u0080-\uffff]/g, escaped))
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(toBinary(body))
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
