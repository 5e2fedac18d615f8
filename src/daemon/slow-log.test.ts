import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoopLag } from './loop-lag.ts'
import { type SlowCause, type SlowLine, SlowLog } from './slow-log.ts'

function slowLog(loopMs = 0, slowOperationMs = 100) {
  const lines: SlowLine[] = []
  const causes: SlowCause[] = []
  const clock = { now: 0 }
  const log = new SlowLog({
    slowOperationMs,
    now: () => clock.now,
    loopLagMs: () => loopMs,
    write: (line) => lines.push(line),
    count: (cause) => causes.push(cause),
  })
  return { log, lines, causes, clock }
}

const fast = { queueMs: 1, chooseMs: 2, flushMs: 1, applyMs: 0 }

test('a fast request leaves no line', () => {
  const { log, lines } = slowLog()
  log.requestDone(fast)
  assert.deepEqual(lines, [])
})

test('the line names the largest part of a slow request', () => {
  for (const [part, cause] of [
    [{ queueMs: 500 }, 'queue'],
    [{ chooseMs: 510, flushMs: 500 }, 'commit'],
    [{ chooseMs: 500 }, 'network'],
    [{ applyMs: 500 }, 'loop'],
  ] as const) {
    const { log, lines } = slowLog()
    log.requestDone({ ...fast, ...part })
    assert.equal(lines[0]?.cause, cause)
  }
})

test('a stalled event loop is named before the parts that it inflated', () => {
  const { log, lines } = slowLog(400)
  log.requestDone({ ...fast, chooseMs: 500 })
  assert.equal(lines[0]?.cause, 'loop')
})

test('many slow requests share a line, and every one is counted', () => {
  const { log, lines, causes, clock } = slowLog()
  for (let i = 0; i < 10; i++) log.requestDone({ ...fast, queueMs: 200 })
  clock.now = 1000
  log.requestDone({ ...fast, queueMs: 200 })
  assert.deepEqual(
    lines.map((line) => line.count),
    [1, 10],
  )
  assert.equal(causes.length, 11)
})

test('0 switches the slow log off', () => {
  const { log, lines } = slowLog(0, 0)
  log.requestDone({ ...fast, queueMs: 60_000 })
  assert.deepEqual(lines, [])
})

test('the loop lag sees a stall while it lasts', () => {
  const lag = new LoopLag()
  const until = performance.now() + 120
  while (performance.now() < until);
  assert.ok(lag.recentMs() >= 80, `${lag.recentMs()} ms`)
  lag.stop()
})
