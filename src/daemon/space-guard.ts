import { decodeRequest } from '../machine/command-codec.ts'
import type { Command } from '../machine/request.ts'
import type { Outcome } from '../runtime/peer-message.ts'
import type { ReplicaService } from '../runtime/replica-service.ts'

/**
 * Refuses what would grow the data while the disk is nearly full. Reads, deletes and compaction go on, so that an operator
 * can make room, and writes are taken again by themselves when there is some. A full disk would stop the node.
 */
export class SpaceGuard implements ReplicaService {
  readonly #replica: ReplicaService
  readonly read: ReplicaService['read']
  readonly status: ReplicaService['status']
  readonly epochs: ReplicaService['epochs']
  readonly snapshot: ReplicaService['snapshot']
  readonly log: ReplicaService['log']
  readonly inspect: ReplicaService['inspect']
  readonly changeEpoch: ReplicaService['changeEpoch']
  readonly handOver: ReplicaService['handOver']
  readonly seekLeadership: ReplicaService['seekLeadership']
  readonly verify: ReplicaService['verify']
  readonly verifyContent: ReplicaService['verifyContent']
  isLow = false

  constructor(replica: ReplicaService) {
    this.#replica = replica
    this.read = replica.read.bind(replica)
    this.status = replica.status.bind(replica)
    this.epochs = replica.epochs.bind(replica)
    this.snapshot = replica.snapshot.bind(replica)
    this.log = replica.log.bind(replica)
    this.inspect = replica.inspect.bind(replica)
    this.changeEpoch = replica.changeEpoch.bind(replica)
    this.handOver = replica.handOver.bind(replica)
    this.seekLeadership = replica.seekLeadership.bind(replica)
    this.verify = replica.verify.bind(replica)
    this.verifyContent = replica.verifyContent.bind(replica)
  }

  submit(request: Uint8Array, timeoutMs: number, done: (outcome: Outcome) => void): void {
    if (this.isLow && grows(decodeRequest(request).command)) {
      done({ kind: 'failed', code: 'OVERLOADED', message: 'The disk of this node is nearly full; writes are refused.' })
      return
    }
    this.#replica.submit(request, timeoutMs, done)
  }
}

function grows(command: Command): boolean {
  if (command.kind === 'put') return true
  if (command.kind === 'txn') return [...command.then, ...command.else].some((operation) => operation.kind === 'put')
  return command.kind === 'openSession'
}
