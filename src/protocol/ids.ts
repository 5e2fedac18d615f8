import { assert } from '../base/assert.ts'
import type { Brand } from '../base/brand.ts'

/** A member for ever: a node whose disk is lost comes back under another id. Small integers, from 1. */
export type NodeId = Brand<number, 'NodeId'>

/** One replicated log. Text, so that it can name what it holds. */
export type GroupId = Brand<string, 'GroupId'>

/** A configuration of a group: members, quorum sizes and protocol. Never changes once begun. */
export type EpochNumber = Brand<number, 'EpochNumber'>

/** Position in a group's log, from 0. Safe integers outlive the hardware: 285 years at 10^6 slots per second. */
export type Slot = Brand<number, 'Slot'>

/** Counts a node's starts. Part of its ballots, so that no ballot is used again after a restart. */
export type Incarnation = Brand<number, 'Incarnation'>

export function toNodeId(n: number): NodeId {
  assert(Number.isSafeInteger(n) && n >= 1, 'not a node id: %s', n)
  return n as NodeId
}

export function toGroupId(text: string): GroupId {
  assert(/^[a-z0-9][a-z0-9-]{0,31}$/.test(text), 'not a group id: %s', text)
  return text as GroupId
}

export function toEpochNumber(n: number): EpochNumber {
  assert(Number.isSafeInteger(n) && n >= 1, 'not an epoch number: %s', n)
  return n as EpochNumber
}

export function toSlot(n: number): Slot {
  assert(Number.isSafeInteger(n) && n >= 0, 'not a slot: %s', n)
  return n as Slot
}

export function toIncarnation(n: number): Incarnation {
  assert(Number.isSafeInteger(n) && n >= 0, 'not an incarnation: %s', n)
  return n as Incarnation
}

export function nextSlot(slot: Slot, by = 1): Slot {
  return toSlot(slot + by)
}

/** The only group for now; requests name it from the start, so that more can follow. */
export const firstGroup = toGroupId('0')
export const firstEpoch = toEpochNumber(1)
export const firstSlot = toSlot(0)
