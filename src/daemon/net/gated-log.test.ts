import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatedLog, type LogFields } from './gated-log.ts'

function gated(): { log: GatedLog; lines: [string, LogFields][]; clock: { now: number } } {
  const lines: [string, LogFields][] = []
  const clock = { now: 0 }
  const none = (): void => undefined
  const logger = {
    debug: none,
    info: none,
    warn: (fields: LogFields, message: string) => lines.push([message, fields]),
  }
  return { log: new GatedLog(logger, () => clock.now), lines, clock }
}

test('the same warning is written once in half a minute, then with what was silenced', () => {
  const { log, lines, clock } = gated()
  for (let i = 0; i < 5; i++) log.warn('a', { i }, 'again')
  clock.now = 30_000
  log.warn('a', { i: 5 }, 'again')
  assert.deepEqual(lines, [
    ['again', { i: 0 }],
    ['again', { i: 5, silenced: 4 }],
  ])
})

test('different warnings do not silence each other', () => {
  const { log, lines } = gated()
  log.warn('a', {}, 'one')
  log.warn('b', {}, 'two')
  assert.equal(lines.length, 2)
})

test('what is forgotten is news again', () => {
  const { log, lines } = gated()
  log.warn('down:2:open', {}, 'down')
  log.forget('down:2:')
  log.warn('down:2:open', {}, 'down')
  assert.equal(lines.length, 2)
})

test('memory is bounded however many keys come', () => {
  const { log, lines } = gated()
  for (let i = 0; i < 2000; i++) log.warn(`key ${i}`, {}, 'x')
  assert.equal(lines.length, 2000)
})
