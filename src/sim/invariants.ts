/**
 * What must hold after every step, whatever happens to disks, clocks and network (protocols 16). The checkers see what no
 * node sees: everything that ever became durable anywhere, and every message at the moment it leaves.
 */
import { assert } from '../base/assert.ts'
import { equalBytes, toBinary } from '../base/bytes.ts'
import { crc32c } from '../base/crc32c.ts'
import { decodeBatch, decodeRequest, encodeRequest } from '../machine/command-codec.ts'
import type { Reply, Request } from '../machine/request.ts'
import type { Entry } from '../protocol/entry.ts'
import type { Epoch } from '../protocol/epoch.ts'
import { encodeEpoch, epochAfter } from '../protocol/epoch-codec.ts'
import { type EpochNumber, firstSlot, type NodeId, type Slot } from '../protocol/ids.ts'
import type { Recovery } from '../protocol/recovery/recovery.ts'
import type { PeerMessage } from '../runtime/peer-message.ts'
import type { GroupWrite } from '../runtime/ports.ts'
import type { AcceptorDisk } from './acceptor-disk.ts'
import { EpochInvariants, entryDigest } from './epoch-invariants.ts'
import { ExpectedTrail } from './expected-trail.ts'
import { GivenNumbers } from './given-numbers.ts'
import { insist } from './invariant-error.ts'
import { firstLoss } from './proofs.ts'

export class Invariants {
  readonly #disk: (node: NodeId) => AcceptorDisk
  /** Those of which the stop sign before is chosen, and the first. */
  readonly #epochs = new Map<EpochNumber, { readonly epoch: Epoch; readonly invariants: EpochInvariants }>()
  #newest: Epoch
  readonly #chosen = new Map<Slot, number>()
  /** Requests by digest, and how often each was sent: two clients may ask the same in the same words. */
  readonly #submitted = new Map<string, number>()
  readonly #firstReplies = new Map<string, Reply>()
  readonly #replies = new Map<Slot, string>()
  readonly #sessions = new Map<string, { readonly slot: Slot; readonly answer: string }>()
  readonly #applied = new Map<string, Slot>()
  /** How far each node's machine is durably applied. */
  readonly #durable = new Map<NodeId, Slot>()
  #chosenUpTo: Slot
  readonly #given: GivenNumbers
  readonly trail: ExpectedTrail

  /** `restored`: the data that all begin with stands for the slots below `upTo`. */
  constructor(first: Epoch, disk: (node: NodeId) => AcceptorDisk, restored?: { upTo: Slot; before: GivenNumbers }) {
    this.#disk = disk
    this.#chosenUpTo = restored?.upTo ?? firstSlot
    this.#given = new GivenNumbers(restored?.before)
    this.trail = new ExpectedTrail(this.#chosenUpTo)
    this.#newest = first
    this.#begin(first)
  }

  get given(): GivenNumbers {
    return this.#given
  }

  get chosenSlots(): number {
    return this.#chosen.size
  }

  /** The last epoch of which the stop sign before is chosen. */
  get newest(): Epoch {
    return this.#newest
  }

  onSubmitted(request: Uint8Array): void {
    const id = digest(request)
    this.#submitted.set(id, (this.#submitted.get(id) ?? 0) + 1)
  }

  /** What the log shows of a request that went without an answer; undefined when it cannot tell. */
  outcomeOf(request: Uint8Array): { readonly reply: Reply | undefined } | undefined {
    const id = digest(request)
    return this.#submitted.get(id) === 1 ? { reply: this.#firstReplies.get(id) } : undefined
  }

  isApplied(request: Uint8Array): boolean {
    return this.#firstReplies.has(digest(request))
  }

  /** A write became durable on `node`. */
  onDurable(node: NodeId, { epoch, write }: GroupWrite): void {
    if (write.kind === 'epoch') this.#mustHaveBegun(node, write.epoch)
    else this.#epoch(epoch).onDurable(node, write)
  }

  /** Invariant 10: what a machine holds durably is never taken back, for the log below it may be gone. */
  onStateStored(node: NodeId, appliedUpTo: Slot): void {
    const before = this.#durable.get(node) ?? firstSlot
    insist(
      before <= appliedUpTo,
      'durable stays (10)',
      () => `n${node} had durably applied everything below ${before}, and goes back to ${appliedUpTo}`,
    )
    this.#durable.set(node, appliedUpTo)
  }

  /** The machine's data is gone. */
  onStateLost(node: NodeId): void {
    this.#durable.delete(node)
  }

  /** A message leaves `from`: what it says must be on disk already. */
  onSend(from: NodeId, epoch: EpochNumber, message: PeerMessage): void {
    if (message.kind === 'catchupReply') {
      for (const { slot, entry } of message.entries) this.#mustBeChosen(from, slot, entry)
    } else if (message.kind === 'epochBegun') {
      this.#mustHaveBegun(from, message.epoch)
    } else {
      insist(
        this.#disk(from).epochs.some(({ number }) => number === epoch),
        'durable before said (9)',
        () => `n${from} speaks in epoch ${epoch}, of which its disk does not know`,
      )
      this.#epoch(epoch).onSend(from, message)
    }
  }

  /** `node`'s machine applied `entry` in `slot`. */
  onApply(node: NodeId, slot: Slot, entry: Entry, replies: readonly Reply[]): void {
    this.#mustBeChosen(node, slot, entry)
    const text = JSON.stringify(replies, plain)
    const known = this.#replies.get(slot)
    insist(
      known === undefined || known === text,
      'same replies (8)',
      () => `n${node} replied otherwise in slot ${slot}`,
    )
    if (known !== undefined) return
    this.#replies.set(slot, text)
    this.#given.onReplies(slot, replies)
    this.trail.onApply(slot, entry, replies)
    if (entry.kind !== 'batch') return
    decodeBatch(entry.payload).requests.forEach((bytes, index) => {
      const reply = replies[index]
      assert(reply !== undefined, 'slot %s has no reply %s', slot, index)
      this.#onRequest(slot, bytes, reply)
    })
  }

  #onRequest(slot: Slot, bytes: Uint8Array, reply: Reply): void {
    const request = decodeRequest(bytes)
    const id = digestOf(request, bytes)
    if (!this.#firstReplies.has(id)) this.#firstReplies.set(id, reply)
    insist(
      this.#submitted.has(id) || request.command.kind === 'compact',
      'non-triviality (7)',
      () => `slot ${slot} holds a request that no client sent`,
    )
    if (request.session === undefined) {
      insist(
        !this.#applied.has(id),
        'applied once (27)',
        () => `a request without a session is in slot ${slot} and before`,
      )
      if (request.command.kind === 'put') this.#applied.set(id, slot)
      return
    }
    if (reply.kind === 'error') return
    const key = `${request.session.id}/${request.session.seq}`
    const answer = JSON.stringify(reply, plain)
    const first = this.#sessions.get(key)
    insist(
      first === undefined || first.answer === answer,
      'exactly once (27)',
      () => `session request ${key} was answered twice`,
    )
    this.#sessions.set(key, { slot: reply.slot, answer })
  }

  /** The revision of the machine when it had applied everything below. */
  revisionBelow(slot: Slot): number {
    return this.#given.revisionBelow(slot)
  }

  /** What a recovery decides is the log from now on. Returns the first slot of what was chosen and is lost. */
  onRecovered(recovery: Recovery, survivors: readonly NodeId[]): Slot | undefined {
    const lost = firstLoss(recovery, this.#chosen, entryDigest)
    if (lost !== undefined) {
      this.#given.onLoss(lost, recovery.next.startSlot)
      this.#forgetFrom(lost)
    }
    for (const { slot, entry } of recovery.logs.flatMap(({ entries }) => entries)) {
      this.#chosen.set(slot, entryDigest(entry))
    }
    const last = recovery.epochs.at(-1)?.number ?? 0
    for (const number of [...this.#epochs.keys()]) if (number > last) this.#epochs.delete(number)
    for (const epoch of [...recovery.epochs, recovery.next]) {
      const known = this.#epochs.get(epoch.number)?.epoch
      if (known === undefined || !equalBytes(encodeEpoch(known), encodeEpoch(epoch))) this.#begin(epoch)
    }
    for (const log of recovery.logs) this.#epoch(log.epoch.number).onRecovered(log, survivors)
    return lost
  }

  /** What was answered there counts no more: from here on everything is done again. */
  #forgetFrom(lost: Slot): void {
    this.#chosenUpTo = Math.min(this.#chosenUpTo, lost) as Slot
    const forget = <K, V>(map: Map<K, V>, slotOf: (key: K, value: V) => Slot): void => {
      for (const [key, value] of [...map]) if (slotOf(key, value) >= lost) map.delete(key)
    }
    this.trail.forgetFrom(lost)
    forget(this.#chosen, (slot) => slot)
    forget(this.#replies, (slot) => slot)
    forget(this.#firstReplies, (_id, reply) => reply.slot)
    forget(this.#sessions, (_key, { slot }) => slot)
    forget(this.#applied, (_id, slot) => slot)
  }

  #begin(epoch: Epoch): void {
    const invariants = new EpochInvariants(epoch, {
      image: (node) => this.#disk(node).image(epoch.number),
      chosenBelow: () => this.#chosenBelow(),
      onChosen: (slot, entry) => this.#onChosen(epoch, slot, entry),
    })
    this.#epochs.set(epoch.number, { epoch, invariants })
    this.#newest = epoch
  }

  #onChosen(epoch: Epoch, slot: Slot, entry: Entry): void {
    const before = this.#chosen.get(slot)
    const value = entryDigest(entry)
    insist(before === undefined || before === value, 'agreement (6)', () => `slot ${slot} has two chosen entries`)
    this.#chosen.set(slot, value)
    insist(
      slot >= epoch.startSlot,
      'epochs follow each other (18)',
      () => `slot ${slot} is not of epoch ${epoch.number}`,
    )
    const next = this.#epochs.get((epoch.number + 1) as EpochNumber)?.epoch
    insist(
      next === undefined || slot < next.startSlot,
      'stopping (17)',
      () => `slot ${slot} is chosen in epoch ${epoch.number}, which ends before slot ${next?.startSlot}`,
    )
    if (entry.kind !== 'stopSign') return
    const after = epochAfter(slot, entry.payload)
    assert(after !== undefined, 'the stop sign in slot %s cannot be read', slot)
    const above = [...this.#chosen.keys()].find((other) => other > slot)
    insist(above === undefined, 'stopping (17)', () => `slot ${above} is chosen above the stop sign in slot ${slot}`)
    this.#begin(after)
  }

  /** Invariant 18: nothing is done in an epoch before the stop sign before it is chosen. */
  #epoch(number: EpochNumber): EpochInvariants {
    const found = this.#epochs.get(number)
    insist(found !== undefined, 'epochs follow each other (18)', () => `epoch ${number} has not begun`)
    return found.invariants
  }

  #mustHaveBegun(node: NodeId, epoch: Epoch): void {
    const known = this.#epochs.get(epoch.number)?.epoch
    insist(
      known !== undefined && equalBytes(encodeEpoch(known), encodeEpoch(epoch)),
      'one configuration (19)',
      () => `n${node} knows an epoch ${epoch.number} that has not begun, or another one`,
    )
  }

  /** Everything below is chosen. */
  #chosenBelow(): Slot {
    while (this.#chosen.has(this.#chosenUpTo)) this.#chosenUpTo = (this.#chosenUpTo + 1) as Slot
    return this.#chosenUpTo
  }

  #mustBeChosen(node: NodeId, slot: Slot, entry: Entry): void {
    insist(
      this.#chosen.get(slot) === entryDigest(entry),
      'learned is chosen (8)',
      () => `n${node} takes an entry of slot ${slot} for chosen, and no quorum voted for it`,
    )
  }
}

/** Of a request as its client submitted it, which did not say by which node it would come. */
function digestOf({ origin, ...request }: Request, bytes: Uint8Array): string {
  return digest(origin === undefined ? bytes : encodeRequest(request))
}

function digest(bytes: Uint8Array): string {
  return `${bytes.length}.${crc32c(bytes)}`
}

/** Byte arrays as text, so that two replies are equal when their JSON is. */
function plain(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? toBinary(value) : value
}
