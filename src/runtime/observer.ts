import type { Role } from '../protocol/effect.ts'
import type { Epoch } from '../protocol/epoch.ts'
import type { NodeId } from '../protocol/ids.ts'
import type { Diverged } from './divergence.ts'

/** Where the time of one request went, in milliseconds. */
export interface RequestTiming {
  /** From arrival until it was proposed (or forwarded). */
  readonly queueMs: number
  /** From proposed until chosen: flushes, network and peers together. */
  readonly chooseMs: number
  /** This node's own flush of the vote, within `chooseMs`; 0 when another node led. */
  readonly flushMs: number
  /** From chosen until applied. */
  readonly applyMs: number
}

/** `proposedAt` is 0 for a request that never was. */
export function timingOf(
  arrivedAt: number,
  proposedAt: number,
  chosenAt: number,
  doneAt: number,
  flushMs: number,
): RequestTiming {
  const queuedUntil = proposedAt || chosenAt
  return {
    queueMs: queuedUntil - arrivedAt,
    chooseMs: chosenAt - queuedUntil,
    flushMs,
    applyMs: doneAt - chosenAt,
  }
}

/** What the driver tells metrics and logs. Must not throw, and must not call the driver back. */
export interface Observer {
  /** One durable commit of acceptor state. */
  committed(durationMs: number, writes: number): void
  /** One durable commit of machine state. */
  stateCommitted(durationMs: number, changes: number): void
  /** One entry proposed by this leader. */
  proposed(requests: number, bytes: number): void
  /** One slot applied. */
  applied(requests: number): void
  requestDone(timing: RequestTiming, outcome: 'replied' | 'failed'): void
  readDone(durationMs: number, by: 'readIndex' | 'lease' | 'stale', ok: boolean): void
  roleChanged(role: Role, leader: NodeId | undefined, round: number, node: number): void
  epochBegan(epoch: Epoch): void
  snapshotSent(bytes: number): void
  snapshotInstalled(upTo: number): void
  /** The machine of a member is not as that of others, or is again because its data were replaced. Once for each. */
  divergence(member: Diverged, isOver: boolean): void
  /** Something worth a line for the operator. */
  note(level: 'info' | 'warn', message: string, fields: Readonly<Record<string, string | number | boolean>>): void
}
