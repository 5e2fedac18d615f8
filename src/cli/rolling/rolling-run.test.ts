import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statusOf } from '../../../test/doctor/facts.ts'
import { PaxosError } from '../../base/error.ts'
import type { AdminClient } from '../../client/admin.ts'
import type { StatusJson } from '../../wire/api-types.ts'
import type { Maintenance } from './maintenance.ts'
import { RollingRun } from './rolling-run.ts'

const names = ['n1', 'n2', 'n3'] as const

/** A cluster in which `down` does not answer, led by n1. Restarting a node starts it, or starts it once more. */
class Fake {
  readonly restarted: string[] = []
  readonly #down: Set<string>
  /** The leader hears also from those who do not answer. */
  isHeard = false
  /** What a node runs that is restarted now. */
  installed = '1.0.0'
  readonly #versions = new Map<string, string>()
  /** Who was down each time when a node was told to restart. */
  readonly downThen: string[][] = []
  /** Starts that nobody asked for. */
  readonly crashes: string[] = []
  /** Happens once, when it has been written down which node is next. */
  meanwhile: (() => void) | undefined
  record = {
    nodes: ['n2'],
    done: [] as string[],
    current: { name: 'n2', incarnation: 1 } as object | null,
    version: null as string | null,
  }

  constructor(...down: readonly string[]) {
    this.#down = new Set(down)
  }

  run(): RollingRun {
    const admin = { status: async (endpoint: string) => this.#status(endpoint) } as unknown as AdminClient
    const maintenance = {
      get record() {
        return fake.record
      },
      update: async (changes: object) => {
        this.record = { ...this.record, ...changes }
        const happens = this.meanwhile
        this.meanwhile = undefined
        happens?.()
      },
    } as unknown as Maintenance
    const fake = this
    const restart = async ({ name }: { name: string }): Promise<void> => {
      this.restarted.push(name)
      this.downThen.push([...this.#down])
      this.#down.delete(name)
      this.#versions.set(name, this.installed)
    }
    const signal = new AbortController().signal
    return new RollingRun({
      admin,
      endpoints: ['http://h:0'],
      maintenance,
      restart,
      timeoutMs: 300,
      signal,
      downMs: 50,
    })
  }

  isDown(name: string, down: boolean): void {
    if (down) this.#down.add(name)
    else this.#down.delete(name)
  }

  #status(endpoint: string): StatusJson {
    const name = names[Number(endpoint.at(-1))] ?? 'n1'
    if (this.#down.has(name)) throw new PaxosError('CANNOT_CONNECT', 'down')
    const up = names.filter((each) => !this.#down.has(each))
    const status = statusOf(name, {}, this.isHeard ? names : up)
    const incarnation = 1 + [...this.restarted, ...this.crashes].filter((each) => each === name).length
    const version = this.#versions.get(name) ?? status.node.version
    return { ...status, node: { ...status.node, incarnation, version } }
  }
}

test('a node that the command before did not get to restart is taken with all gates, as if nothing had begun', async () => {
  const fake = new Fake('n3')
  const [step] = fake.run().steps()
  await assert.rejects(async () => await step?.run(() => {}), /n3/)
  assert.deepEqual(fake.restarted, [])
})

test('when all are well it is restarted, and done', async () => {
  const fake = new Fake()
  for (const step of fake.run().steps()) await step.run(() => {})
  assert.deepEqual([fake.restarted, fake.record.done, fake.record.current], [['n2'], ['n2'], null])
})

test('one that was restarted already is only waited for', async () => {
  const fake = new Fake()
  fake.record.current = { name: 'n2', incarnation: 0 }
  for (const step of fake.run().steps()) await step.run(() => {})
  assert.deepEqual([fake.restarted, fake.record.done], [[], ['n2']])
})

test('one that stays down after its restart is restarted once more, unless the leader hears it', async () => {
  const fake = new Fake('n2')
  for (const step of fake.run().steps()) await step.run(() => {})
  assert.deepEqual([fake.restarted, fake.record.done], [['n2'], ['n2']])

  const cutOff = new Fake('n2')
  cutOff.isHeard = true
  const [step] = cutOff.run().steps()
  await assert.rejects(async () => await step?.run(() => {}), { code: 'TIMEOUT', message: /n2 does not answer/ })
  assert.deepEqual(cutOff.restarted, [])
})

test('one that came back with the wrong version is restarted once more, when that is mended', async () => {
  const fake = new Fake()
  fake.record = { ...fake.record, version: '2.0.0', current: { name: 'n2', incarnation: 0 } }
  const [step] = fake.run().steps()
  await assert.rejects(async () => await step?.run(() => {}), { message: /came back with version 1\.0\.0/ })
  fake.installed = '2.0.0'
  for (const again of fake.run().steps()) await again.run(() => {})
  assert.deepEqual([fake.restarted, fake.record.done], [['n2', 'n2'], ['n2']])
})

test('a node that dies after the gates were passed is waited for: no two are down', async () => {
  const fake = new Fake()
  fake.record.current = null
  fake.meanwhile = () => fake.isDown('n3', true)
  const said: string[] = []
  for (const step of fake.run().steps()) {
    await step.run((text) => {
      said.push(text)
      if (text.includes('n3 does not answer')) fake.isDown('n3', false)
    })
  }
  assert.deepEqual([fake.restarted, fake.downThen, fake.record.done], [['n2'], [[]], ['n2']])
  assert.match(said.join(), /n3 does not answer.*,restarting/)
})

test('a node that was started after the gates were passed is not taken for restarted', async () => {
  const fake = new Fake()
  fake.record.current = null
  fake.meanwhile = () => fake.crashes.push('n2')
  const incarnations: unknown[] = []
  for (const step of fake.run().steps()) await step.run(() => incarnations.push(fake.record.current))
  assert.deepEqual([fake.restarted, fake.record.done], [['n2'], ['n2']])
  assert.deepEqual(incarnations, [{ name: 'n2', incarnation: 2 }])
})
