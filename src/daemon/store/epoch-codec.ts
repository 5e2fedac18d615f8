/** Epoch records are JSON: few, small, and readable by whoever has to look into a broken directory. */
import type { Epoch, Member } from '../../protocol/epoch.ts'
import { toEpochNumber, toNodeId, toSlot } from '../../protocol/ids.ts'

export function encodeEpoch(epoch: Epoch): Uint8Array {
  const { number, protocol, members, q1, q2, leaseMs, startSlot } = epoch
  return new TextEncoder().encode(JSON.stringify({ number, protocol, members, q1, q2, leaseMs, startSlot }))
}

/** Undefined when it is no epoch that this version knows. The caller has checked the checksum. */
export function decodeEpoch(body: Uint8Array): Epoch | undefined {
  const value = parse(body)
  if (!isObject(value) || !Array.isArray(value['members'])) return undefined
  const { number, protocol, q1, q2, leaseMs, startSlot } = value
  if (!isCount(number) || number < 1 || protocol !== 'multi' || !isCount(startSlot)) return undefined
  if (!isCount(q1) || !isCount(q2) || !isCount(leaseMs)) return undefined
  const members: Member[] = []
  for (const each of value['members']) {
    const member = decodeMember(each)
    if (member === undefined) return undefined
    members.push(member)
  }
  return { number: toEpochNumber(number), protocol, members, q1, q2, leaseMs, startSlot: toSlot(startSlot) }
}

function decodeMember(value: unknown): Member | undefined {
  if (!isObject(value)) return undefined
  const { id, name, peerAddress, kind } = value
  if (!isCount(id) || id < 1 || typeof name !== 'string' || typeof peerAddress !== 'string') return undefined
  if (kind !== 'acceptor' && kind !== 'learner') return undefined
  return { id: toNodeId(id), name, peerAddress, kind }
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
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
