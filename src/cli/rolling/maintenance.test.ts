import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { PaxosError } from '../../base/error.ts'
import type { PaxosClient } from '../../client/client.ts'
import { maintenanceKey } from '../../machine/request.ts'
import { findMaintenance, Maintenance, type MaintenanceRecord } from './maintenance.ts'

/** One key with versions, as the store has it; answers can be lost. */
class OneKey {
  value: string | undefined
  version = 0
  /** The next put is done, and not answered. */
  losesAnswer = false
  /** Holds puts back until it is called. */
  release: (() => void) | undefined

  get client(): PaxosClient {
    const client: Pick<PaxosClient, 'get' | 'put' | 'delete'> = {
      get: async () => {
        const value = this.value
        return value === undefined ? undefined : ({ text: () => value, version: this.version } as never)
      },
      put: async (key, value, { ifVersion } = {}) => {
        assert.equal(key, maintenanceKey)
        if (this.release !== undefined) await new Promise<void>((resolve) => (this.release = resolve))
        this.#check(ifVersion)
        this.value = String(value)
        this.version++
        if (this.losesAnswer) {
          this.losesAnswer = false
          throw new PaxosError('OUTCOME_UNKNOWN', 'no answer')
        }
        return { revision: 1, slot: 1, version: this.version }
      },
      delete: async (_key, { ifVersion } = {}) => {
        this.#check(ifVersion)
        this.value = undefined
        this.version = 0
        return { deleted: 1, revision: 1, slot: 1 }
      },
    }
    return client as PaxosClient
  }

  #check(ifVersion: number | undefined): void {
    if (ifVersion !== undefined && ifVersion !== this.version) {
      throw new PaxosError('PRECONDITION_FAILED', `Key has version ${this.version}, wanted ${ifVersion}`)
    }
  }
}

const fresh: MaintenanceRecord = {
  ...{ format: 1, run: 'a', kind: 'restart', version: null, by: 'ann@desk', startedAt: '2026-01-01T00:00:00Z' },
  ...{ state: 'running', reason: null, nodes: ['n1', 'n2'], done: [], current: null },
}

async function begun(t: TestContext, key: OneKey): Promise<Maintenance> {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const maintenance = await Maintenance.begin(key.client, fresh)
  t.after(() => maintenance.close())
  return maintenance
}

test('a renewal that comes while something is written down takes nothing of it back', async (t) => {
  const key = new OneKey()
  const maintenance = await begun(t, key)
  key.release = () => {}
  const updated = maintenance.update({ done: ['n1'] })
  // The renewal is queued behind it.
  t.mock.timers.tick(3000)
  const { version } = key
  while (key.version < version + 2) {
    await new Promise((resolve) => setImmediate(resolve))
    key.release()
  }
  await updated
  assert.deepEqual((await findMaintenance(key.client))?.record.done, ['n1'])
  assert.deepEqual(maintenance.record.done, ['n1'])
})

test('a write whose answer was lost is ours all the same; one of somebody else is not', async (t) => {
  const key = new OneKey()
  const maintenance = await begun(t, key)
  key.losesAnswer = true
  await assert.rejects(maintenance.update({ done: ['n1'] }), { code: 'OUTCOME_UNKNOWN' })
  await maintenance.update({ done: ['n1', 'n2'] })
  assert.deepEqual((await findMaintenance(key.client))?.record.done, ['n1', 'n2'])
  const other = { ...maintenance.record, run: 'b' }
  await key.client.put(maintenanceKey, JSON.stringify(other))
  await assert.rejects(maintenance.update({ current: null }), { code: 'PRECONDITION_FAILED', message: /taken this/ })
  await assert.rejects(maintenance.finish(), { code: 'PRECONDITION_FAILED' })
  assert.equal((await findMaintenance(key.client))?.record.run, 'b')
})

test('the end is the end, also when the version has moved on by a write of ours', async (t) => {
  const key = new OneKey()
  const maintenance = await begun(t, key)
  key.losesAnswer = true
  await maintenance.update({ done: ['n1'] }).catch(() => {})
  await maintenance.finish()
  assert.equal(await findMaintenance(key.client), undefined)
})

test('a second one is refused, and a paused one is gone on with under another run', async (t) => {
  const key = new OneKey()
  const first = await begun(t, key)
  await assert.rejects(Maintenance.begin(key.client, fresh), { message: /is under way: 0 of 2 nodes done/ })
  await first.pause('it rains')
  const found = await findMaintenance(key.client)
  assert.ok(found?.record.reason === 'it rains')
  const second = await Maintenance.resume(key.client, found, { by: 'ben@desk', run: 'b' })
  t.after(() => second.close())
  assert.deepEqual([second.record.state, second.record.by, second.record.reason], ['running', 'ben@desk', null])
  await second.finish()
  assert.equal(key.value, undefined)
})
