import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from './logger.ts'

function collect(format: 'json' | 'pretty') {
  const lines: string[] = []
  const log = createLogger({ node: 'n1', level: 'info', format, sink: { write: (text) => lines.push(text) } })
  return { ...log, lines }
}

test('a line is one JSON object with time, level, node and message', () => {
  const { logger, lines } = collect('json')
  logger.info({ slot: 7 }, 'chosen')
  const line = JSON.parse(lines[0] ?? '')
  assert.deepEqual(
    { ...line, time: typeof line.time },
    { level: 'info', time: 'string', node: 'n1', slot: 7, msg: 'chosen' },
  )
})

test('the level can be changed while running', () => {
  const { logger, lines, setLevel, level } = collect('json')
  logger.debug('unseen')
  setLevel('debug')
  logger.debug('seen')
  setLevel('error')
  logger.warn('unseen')
  const messages = lines.map((line) => JSON.parse(line)['msg'])
  assert.deepEqual(messages, ['log level changed', 'seen', 'log level changed'])
  assert.equal(level(), 'error')
})

test('the newest lines are kept as JSON, also when people see them otherwise', () => {
  const { logger, recentLines } = collect('pretty')
  logger.info({ slot: 7 }, 'chosen')
  logger.debug('unseen')
  assert.deepEqual(
    recentLines()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line)['msg']),
    ['chosen'],
  )
})

test('pretty lines are for people', () => {
  const { logger, lines } = collect('pretty')
  logger.warn({ port: 7601 }, 'listening')
  assert.match(lines[0] ?? '', /^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: listening \{.*"port":7601.*\}\n$/)
})
