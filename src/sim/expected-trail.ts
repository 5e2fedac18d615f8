/**
 * The audit trails as they follow from the log, found by another way than the machine's: what was asked and answered in a slot,
 * in order, and nothing of what the machine keeps. Times are left out: members that agree on them agree on the whole state.
 */
import { type AuditRecord, type TrailName, trailOf } from '../machine/audit-record.ts'
import { auditAnswerMax } from '../machine/bounds.ts'
import { decodeBatch, decodeRequest } from '../machine/command-codec.ts'
import { KvMachine } from '../machine/kv-machine.ts'
import type { Reply } from '../machine/request.ts'
import type { ReadView } from '../machine/view.ts'
import type { Entry } from '../protocol/entry.ts'
import { attributionOf } from '../protocol/epoch-codec.ts'
import type { NodeId, Slot } from '../protocol/ids.ts'
import { Overlay } from '../runtime/overlay.ts'
import { insist } from './invariant-error.ts'

type Expected = Pick<AuditRecord, 'slot' | 'action' | 'origin'>

export class ExpectedTrail {
  /** What lies below came with the data that the cluster began with. */
  readonly #from: Slot
  #records: Expected[] = []

  constructor(from: Slot) {
    this.#from = from
  }

  /** In the order of slots. */
  onApply(slot: Slot, entry: Entry, replies: readonly Reply[]): void {
    const origin = entry.kind === 'stopSign' ? attributionOf(entry.payload)?.origin : undefined
    if (origin !== undefined) this.#records.push({ slot, action: 'epoch', origin })
    if (entry.kind === 'batch') this.#records.push(...ofBatch(slot, entry.payload, replies))
  }

  /** A recovery gave up what was there. */
  forgetFrom(lost: Slot): void {
    this.#records = this.#records.filter(({ slot }) => slot < lost)
  }

  mustBeThatOf(node: NodeId, view: ReadView): void {
    const machine = new KvMachine(new Overlay(view))
    for (const trail of ['admin', 'writes'] as const) {
      const wanted = this.#records.filter(({ action }) => trailOf(action) === trail).slice(-auditAnswerMax)
      const found = newestOf(machine, trail).filter(({ slot }) => slot >= this.#from)
      for (let at = 0; at < Math.max(wanted.length, found.length); at++) {
        const [is, should] = [found, wanted].map((records) => textOf(records[at]))
        insist(
          is === should,
          'the trail is that of the log',
          () => `the ${trail} trail of n${node} has ${is ?? 'nothing'}, and should have ${should ?? 'nothing'}`,
        )
      }
    }
  }
}

function ofBatch(slot: Slot, payload: Uint8Array, replies: readonly Reply[]): Expected[] {
  const executed = new Set<string>()
  return decodeBatch(payload).requests.flatMap((bytes, index) => {
    const { session, command, origin } = decodeRequest(bytes)
    const reply = replies[index]
    const id = session === undefined ? `${index}` : `${session.id}/${session.seq}`
    // Asked before, there or here, it is answered again and not done again.
    const isRepeated = reply === undefined || reply.slot !== slot || executed.has(id)
    if (isRepeated || !changed(reply)) return []
    executed.add(id)
    if (origin === undefined) return []
    const { kind } = command
    const action = kind === 'deleteRange' ? 'delete-range' : kind
    if (action === 'openSession' || action === 'closeSession' || action === 'keepAlive' || action === 'note') return []
    return [{ slot, action, origin }]
  })
}

function changed(reply: Reply): boolean {
  switch (reply.kind) {
    case 'put':
    case 'compact':
      return true
    case 'delete':
      return reply.deleted > 0
    case 'txn':
      return reply.results.some((each) => each.kind === 'put' || (each.kind === 'delete' && each.deleted > 0))
    default:
      return false
  }
}

/** The oldest of them first. */
function newestOf(machine: KvMachine, trail: TrailName): readonly AuditRecord[] {
  const answer = machine.query({ kind: 'trail', trail, before: undefined, limit: auditAnswerMax, key: undefined })
  return answer.kind === 'trail' ? answer.records.toReversed() : []
}

function textOf(record: Expected | undefined): string | undefined {
  if (record === undefined) return undefined
  const { slot, action, origin } = record
  return `${action} by ${origin.actor} at ${origin.node} in slot ${slot}`
}
