import type { ErrorCode } from '../../base/error.ts'
import type { Key } from '../../machine/request.ts'
import type { StateSnapshot } from '../../runtime/ports.ts'
import type { ReplicaService } from '../../runtime/replica-service.ts'

export type SnapshotOutcome =
  | { readonly kind: 'taken'; readonly snapshot: StateSnapshot }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string }

/** Any key does: a linearizable read is answered once everything acknowledged before it is applied here. */
const probe = { kind: 'get', key: 'backup' as Key, revision: undefined } as const

/** A snapshot for a backup. The caller closes it. `done` is called once, after `timeoutMs` at the latest. */
export function takeSnapshot(
  replica: ReplicaService,
  consistency: 'linearizable' | 'stale',
  timeoutMs: number,
  done: (outcome: SnapshotOutcome) => void,
): void {
  if (consistency === 'stale') {
    takeNow(replica, done)
    return
  }
  replica.read(probe, consistency, timeoutMs, (outcome) => {
    if (outcome.kind === 'answered') takeNow(replica, done)
    else done({ ...outcome, hint: 'With --stale (consistency=stale) a node gives what it has, without a quorum.' })
  })
}

function takeNow(replica: ReplicaService, done: (outcome: SnapshotOutcome) => void): void {
  const failed = (message: string, code: ErrorCode = 'OVERLOADED'): void =>
    done({ kind: 'failed', code, message, hint: 'Ask another node.' })
  const { isRemoved, truncatedUpTo, appliedUpTo, diverged, self } = replica.status()
  if (diverged.some(({ node, isMinority }) => node === self && isMinority)) {
    failed('The data of this node differ from those of the majority', 'UNHEALTHY')
    return
  }
  if (isRemoved || truncatedUpTo > appliedUpTo) {
    failed(isRemoved ? 'This node is no member any more' : 'The data of the machine is missing on this node')
    return
  }
  replica.snapshot((snapshot) => {
    if (snapshot === undefined) failed('A snapshot is being put in place on this node')
    else done({ kind: 'taken', snapshot })
  })
}
