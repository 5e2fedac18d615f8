import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorCode, PaxosError } from '../../base/error.ts'
import type { StatusJson } from '../../wire/api-types.ts'
import type { BackupOutput } from './backup-output.ts'
import { createBackup } from './create-backup.ts'

const output: BackupOutput = {
  write: () => Promise.reject(new Error('nothing is to be written')),
  restart: () => Promise.resolve(),
  finish: () => Promise.resolve(),
  discard: () => Promise.resolve(),
}

/** What the command fails with when the nodes fail with these, and what it remarks before. */
async function failureOf(codes: readonly ErrorCode[]): Promise<{ error: PaxosError; remarks: readonly string[] }> {
  const remarks: string[] = []
  const failures = codes.map((code, at) => new PaxosError(code, `${code} of n${at + 1}`, { hint: 'as the node says' }))
  const admin = {
    status: async () => ({ node: { name: '' }, members: [] }) as unknown as StatusJson,
    // biome-ignore lint/correctness/useYield: it fails before the first.
    backup: async function* (endpoint: string): AsyncGenerator<Uint8Array, void, undefined> {
      throw failures[Number(endpoint)]
    },
  }
  const endpoints = codes.map((_, at) => String(at))
  const source = { admin, endpoints, consistency: 'linearizable', timeoutMs: 0 } as const
  const events = { progress: { bytes: 0, entries: 0 }, remark: (text: string) => void remarks.push(text) }
  const error: unknown = await createBackup(source, output, events).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof PaxosError, String(error))
  return { error, remarks }
}

test('of several failures the most telling is the error, wherever its node stands in the list', async () => {
  for (const [codes, telling] of [
    [['NO_LEADER', 'CANNOT_CONNECT', 'TIMEOUT'], 'NO_LEADER of n1'],
    [['CANNOT_CONNECT', 'NO_QUORUM', 'CANNOT_CONNECT'], 'NO_QUORUM of n2'],
    [['CANNOT_CONNECT', 'TIMEOUT', 'CANNOT_CONNECT'], 'TIMEOUT of n2'],
    [['CANNOT_CONNECT', 'CANNOT_CONNECT'], 'CANNOT_CONNECT of n2'],
  ] as const) {
    const { error, remarks } = await failureOf(codes)
    assert.equal(error.message, telling)
    // The others are said as well.
    for (const [at, code] of codes.entries()) {
      const what = `${code} of n${at + 1}`
      assert.ok(what === telling || remarks.some((remark) => remark.endsWith(what)), `${what}: ${remarks.join('; ')}`)
    }
  }
})

test('a node that did not answer in time may be without a quorum: the error says what to do', async () => {
  assert.match((await failureOf(['TIMEOUT'])).error.hint ?? '', /--stale takes what the node has/)
  assert.equal((await failureOf(['NO_LEADER'])).error.hint, 'as the node says')
})
