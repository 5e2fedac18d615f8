import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench } from '../../test/machine/fixtures.ts'
import { encodeBatch, encodeRequest } from '../machine/command-codec.ts'
import { type Command, type Key, maintenanceKey } from '../machine/request.ts'
import { GrowthGate } from './growth-gate.ts'

const key = 'k' as Key
const range = { start: 'a', end: 'b' }
const put = { kind: 'put', key, value: new Uint8Array(1), ifVersion: undefined } as const
const maintenance = { ...put, key: maintenanceKey as Key }
const txn = (...operations: readonly (typeof put | { kind: 'delete'; range: typeof range })[]): Command => ({
  kind: 'txn',
  compare: [],
  // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
  then: [],
  else: operations,
})

test('without room only what grows the data is refused, and with room nothing', () => {
  let why: string | undefined = 'the disk is full'
  const gate = new GrowthGate(() => why)
  const refused = (command: Command): unknown => gate.refusal(encodeRequest({ session: undefined, command }))
  const large = { ...maintenance, value: new Uint8Array(16 * 1024 + 1) }
  const growing: readonly Command[] = [put, txn({ kind: 'delete', range }, put), large, txn(maintenance)]
  const shrinking: readonly Command[] = [
    { kind: 'delete', key, ifVersion: undefined },
    { kind: 'deleteRange', range },
    txn({ kind: 'delete', range }),
    { kind: 'compact', revision: 7 },
    { kind: 'openSession', ttlMs: 1000 },
    maintenance,
  ]
  for (const command of growing) {
    assert.deepEqual(refused(command), { kind: 'failed', code: 'NO_SPACE', message: why }, command.kind)
  }
  for (const command of shrinking) assert.equal(refused(command), undefined, command.kind)
  why = undefined
  for (const command of growing) assert.equal(refused(command), undefined, command.kind)
})

test('what cannot be read passes, and changes nothing in the machine', () => {
  const gate = new GrowthGate(() => 'the disk is full')
  const whole = encodeRequest({ session: undefined, command: put })
  for (const request of [
    new Uint8Array(0),
    Uint8Array.of(255, 0, 1),
    whole.subarray(0, 5),
    Uint8Array.of(...whole, 0),
  ]) {
    assert.equal(gate.refusal(request), undefined)
    const bench = new Bench()
    const [reply] = bench.entry({ kind: 'batch', payload: encodeBatch(1, [request]) })
    assert.ok(reply?.kind === 'error' && reply.code === 'BAD_REQUEST')
    assert.equal(bench.machine.revision, 0)
  }
})
