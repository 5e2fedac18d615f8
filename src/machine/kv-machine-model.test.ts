import assert from 'node:assert/strict'
import { test } from 'node:test'
import { awkwardKeys, Bench, bytes, originOf, toKey, txn } from '../../test/machine/fixtures.ts'
import { Model } from '../../test/machine/model.ts'
import { Random } from '../base/random.ts'
import { noop } from '../protocol/entry.ts'
import { adminActions, type TrailName } from './audit-record.ts'
import { encodeBarrier, encodeBatch, encodeRequest } from './command-codec.ts'
import { keyRange } from './footprint.ts'
import type {
  Command,
  Compare,
  DataQuery,
  Key,
  KeyChange,
  KeyRange,
  Operation,
  Reply,
  Request,
  SessionStamp,
} from './request.ts'

const seeds = 40
const slotsPerSeed = 250

for (const [from, to] of [
  [1, seeds / 2],
  [seeds / 2 + 1, seeds],
] as const) {
  test(`random commands give what a naive model gives, whenever replicas flush and restart (seeds ${from} to ${to})`, () => {
    for (let seed = from; seed <= to; seed++) runSeed(seed)
  })
}

/** Three replicas: one that never flushes, one that flushes at every slot, one that flushes and restarts at random. */
function runSeed(seed: number): void {
  const random = new Random(seed)
  // Every second run goes on from a revision into those with a byte more.
  const first = seed % 2 === 0 ? 0 : 0x10000 - 200
  const commands = new CommandSource(random, first)
  const model = new Model(first)
  const lazy = new Bench()
  const eager = new Bench()
  const restless = new Bench()
  const replicas = [lazy, eager, restless]
  for (const replica of replicas) replica.begin(first)
  let inFlight: ReadonlyMap<string, Uint8Array | null> | undefined
  for (let step = 0; step < slotsPerSeed; step++) {
    const where = `seed ${seed} step ${step}`
    const slot = lazy.slot
    commands.passTime()
    const kind = random.integer(0, 20)
    if (kind === 0) {
      for (const replica of replicas) replica.entry(noop)
    } else if (kind === 1) {
      model.barrier(commands.timeMs)
      for (const replica of replicas) replica.entry({ kind: 'barrier', payload: encodeBarrier(commands.timeMs) })
    } else {
      const requests = Array.from({ length: random.integer(0, 6) }, () => commands.request(model.revision))
      const wanted = model.batch(slot, commands.timeMs, requests)
      const payload = encodeBatch(commands.timeMs, requests.map(encodeRequest))
      for (const replica of replicas) {
        assert.deepEqual(replica.entry({ kind: 'batch', payload }).map(withoutMessage), wanted, where)
      }
      for (const reply of wanted) if (reply.kind === 'session') commands.sessions.add(reply.id)
    }
    eager.flush()
    if (inFlight === undefined && random.chance(0.3)) {
      inFlight = restless.overlay.take()
    } else if (inFlight !== undefined && random.chance(0.5)) {
      restless.base.commit(inFlight)
      restless.overlay.settle()
      inFlight = undefined
    }
    if (random.chance(0.1)) restless.restart()
    checkQueries(model, replicas, commands, where)
  }
  assert.deepEqual(eager.dump(), lazy.dump(), `seed ${seed}`)
  assert.deepEqual(restless.dump(), lazy.dump(), `seed ${seed}`)
}

function checkQueries(model: Model, replicas: readonly Bench[], commands: CommandSource, where: string): void {
  for (const { machine } of replicas) {
    assert.equal(machine.revision, model.revision, where)
    assert.equal(machine.compactedRevision, model.compacted, where)
  }
  for (let i = 0; i < 3; i++) {
    const query = commands.query(model.revision)
    const wanted = model.query(query)
    for (const { machine } of replicas) {
      const answer = machine.query(query)
      assert.deepEqual(answer.kind === 'error' ? { ...answer, message: '' } : answer, wanted, where)
    }
  }
  const [trail, key] = [commands.trail(), commands.key()]
  for (const replica of replicas) {
    assert.deepEqual(replica.trail(trail).records, model.trails[trail].toReversed(), where)
    assert.deepEqual(allChanges(replica, key), model.changes(key), where)
  }
}

/** A few at a time. */
function allChanges(bench: Bench, key: Key): readonly KeyChange[] {
  const changes: KeyChange[] = []
  let before: number | undefined
  do {
    const page = bench.changes(key, { limit: 3, ...(before === undefined ? {} : { before }) })
    changes.push(...page.changes)
    before = page.next
  } while (before !== undefined)
  return changes
}

function withoutMessage(reply: Reply): Reply {
  return reply.kind === 'error' ? { ...reply, message: '' } : reply
}

class CommandSource {
  readonly sessions = new Set<number>([77])
  timeMs = 1000
  readonly #random: Random
  readonly #first: number
  #seq = 0

  /** `first`: the first revision that is asked for. */
  constructor(random: Random, first: number) {
    this.#random = random
    this.#first = first
  }

  passTime(): void {
    this.timeMs += this.#random.integer(-100, 300)
  }

  request(revision: number): Request {
    const kind = this.#random.integer(0, 100)
    if (kind < 4)
      return { session: this.#maybeStamp(0.1), command: { kind: 'openSession', ttlMs: this.#random.integer(90, 4000) } }
    if (kind < 8) return { session: this.#maybeStamp(0.9), command: { kind: 'keepAlive' } }
    if (kind < 9) return { session: this.#maybeStamp(0.9), command: { kind: 'closeSession' } }
    const request = { session: this.#maybeStamp(0.6), command: this.#data(kind, revision) }
    return this.#random.chance(0.4) ? { ...request, origin: originOf(this.#pick(['ann', 'ben', ''])) } : request
  }

  query(revision: number): DataQuery {
    const at = this.#random.chance(0.2) ? undefined : this.#revisionUpTo(revision + 2)
    if (this.#random.chance(0.4)) return { kind: 'get', key: this.#key(), revision: at }
    const limit = this.#random.chance(0.5) ? 0 : this.#random.integer(1, 5)
    return { kind: 'range', range: this.#range(), limit, revision: at, keysOnly: this.#random.chance(0.2) }
  }

  #data(kind: number, revision: number): Command {
    const ifVersion = this.#random.chance(0.3) ? this.#random.integer(0, 4) : undefined
    if (kind < 55) return { kind: 'put', key: this.#key(), value: this.#value(), ifVersion }
    if (kind < 68) return { kind: 'delete', key: this.#key(), ifVersion }
    if (kind < 74) return { kind: 'deleteRange', range: this.#range() }
    if (kind === 74) return { kind: 'note', action: this.#pick(adminActions), detail: 'why' }
    if (kind < 77) return { kind: 'compact', revision: this.#revisionUpTo(revision + 3) }
    return txn(
      this.#list(2, () => this.#compare()),
      this.#list(4, () => this.#operation()),
      this.#list(4, () => this.#operation()),
    )
  }

  #maybeStamp(probability: number): SessionStamp | undefined {
    if (!this.#random.chance(probability)) return undefined
    const ids = [...this.sessions]
    const id = ids[this.#random.integer(0, ids.length)] ?? 0
    // Sequence numbers are shared by all sessions here, so each of them gets gaps, repetitions and stragglers.
    const seq = this.#random.chance(0.6) ? ++this.#seq : Math.max(0, this.#seq - this.#random.integer(0, 8))
    const ackedBelow = this.#random.chance(0.5) ? Math.max(0, seq - this.#random.integer(0, 10)) : 0
    if (this.#random.chance(0.02)) return { id, seq: seq + 5000, ackedBelow }
    return { id, seq, ackedBelow }
  }

  #operation(): Operation {
    const kind = this.#random.integer(0, 3)
    if (kind === 0) return { kind: 'put', key: this.#key(), value: this.#value() }
    if (kind === 1) return { kind: 'get', range: this.#range(), limit: this.#random.integer(0, 4) }
    return { kind: 'delete', range: this.#range() }
  }

  #compare(): Compare {
    const op = this.#pick(['=', '!=', '<', '>'] as const)
    const target = this.#pick(['value', 'version', 'createRevision', 'modRevision'] as const)
    const operand = target === 'value' ? this.#value() : this.#random.integer(0, 5)
    return { key: this.#key(), target, op, operand }
  }

  #range(): KeyRange {
    if (this.#random.chance(0.4)) return keyRange(this.#key())
    const [start, end] = [this.#key(), this.#key()].sort()
    if (start === undefined || start === end || this.#random.chance(0.2)) return { start: start ?? '', end: undefined }
    return { start: this.#random.chance(0.2) ? '' : start, end }
  }

  trail(): TrailName {
    return this.#pick(['admin', 'writes'])
  }

  key(): Key {
    return this.#key()
  }

  #revisionUpTo(end: number): number {
    return this.#random.integer(this.#first, end)
  }

  #key(): Key {
    return toKey(this.#pick(awkwardKeys))
  }

  #value(): Uint8Array {
    return bytes(this.#pick(['', '1', '2', '\0', '\xff\xff']))
  }

  #list<T>(max: number, make: () => T): readonly T[] {
    return Array.from({ length: this.#random.integer(0, max + 1) }, make)
  }

  #pick<T>(items: readonly [T, ...T[]] | readonly T[]): T {
    const item = items[this.#random.integer(0, items.length)]
    assert.ok(item !== undefined)
    return item
  }
}
