import { assert } from '../../src/base/assert.ts'
import { encodeBatch, encodeRequest } from '../../src/machine/command-codec.ts'
import { KvMachine } from '../../src/machine/kv-machine.ts'
import type { Key, Request } from '../../src/machine/request.ts'
import type { ReadView } from '../../src/machine/view.ts'
import type { Entry } from '../../src/protocol/entry.ts'
import { toSlot } from '../../src/protocol/ids.ts'
import { Overlay } from '../../src/runtime/overlay.ts'
import type { MicroBenchmark } from './micro-benchmark.ts'

const keys = 10_000
const batchCommands = 100
/** Begun anew then, so that memory does not grow with the machine's speed. */
const slotsMax = 1000

const nothing: ReadView = { get: () => undefined, range: () => [] }

/** What every member does with a chosen batch, up to the changes that wait for the store. */
export function machineBenchmarks(): readonly MicroBenchmark[] {
  const batches = Array.from({ length: keys / batchCommands }, (_, at) => batchOf(at * batchCommands))
  return [
    {
      name: 'encode a put',
      unit: 'commands',
      run: () => Math.min(1, encodeRequest(putOf(7)).length),
    },
    { name: 'apply batches of 100 puts', unit: 'commands', run: applier(batches) },
  ]
}

function applier(batches: readonly Entry[]): () => number {
  let machine = new KvMachine(new Overlay(nothing))
  let slot = 0
  return () => {
    if (slot === slotsMax) {
      machine = new KvMachine(new Overlay(nothing))
      slot = 0
    }
    const batch = batches[slot % batches.length]
    assert(batch !== undefined, 'no batches')
    const replies = machine.apply(toSlot(slot++), batch)
    assert(replies[0]?.kind === 'put', 'a put was refused')
    return replies.length
  }
}

function batchOf(from: number): Entry {
  const requests = Array.from({ length: batchCommands }, (_, at) => encodeRequest(putOf(from + at)))
  return { kind: 'batch', payload: encodeBatch(1_700_000_000_000, requests) }
}

function putOf(number: number): Request {
  const key = `bench/${String(number).padStart(10, '0')}` as Key
  return { session: undefined, command: { kind: 'put', key, value, ifVersion: undefined } }
}

const value = new Uint8Array(256).fill(118)
