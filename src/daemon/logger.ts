import { type Logger, pino, stdTimeFunctions } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { type LogLevel, logLevels } from '../wire/api-types.ts'
import type { NodeConfig } from './config-table.ts'
import { RecentLines } from './recent-lines.ts'
import { StderrSink } from './stderr-sink.ts'

export type { Logger } from 'pino'

/** Where finished lines go. */
export interface LogSink {
  write(text: string): unknown
  flushSync?(): void
}

export interface LoggerOptions {
  /** Name of the node, on every line. */
  readonly node: string
  readonly level: LogLevel
  readonly format: NodeConfig['logFormat']
  /** stderr if not given. */
  readonly sink?: LogSink
}

export interface NodeLogger {
  readonly logger: Logger
  level(): LogLevel
  setLevel(level: LogLevel): void
  /** The newest lines as JSON, whatever the format: at most 256 KiB. */
  recentLines(): string
  /** Writes what is buffered, before the process exits. */
  flush(): void
}

// What a reader of stderr that has stopped reading may cost in memory; beyond, lines are dropped.
const bufferedBytesMax = 16 * 1024 * 1024
const recentCharactersMax = 256 * 1024

/** Structured lines on stderr: JSON, or for people when stderr is a terminal. */
export function createLogger(options: LoggerOptions): NodeLogger {
  const sink = options.sink ?? new StderrSink(bufferedBytesMax)
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && process.stderr.isTTY === true)
  const shown = isPretty ? prettySink(sink) : sink
  const recent = new RecentLines(recentCharactersMax)
  const logger = pino(
    {
      level: options.level,
      base: { node: options.node },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write: (line: string) => {
        recent.add(line)
        shown.write(line)
      },
    },
  )
  return {
    logger,
    level: () => logLevels.find((level) => level === logger.level) ?? options.level,
    setLevel: (level) => {
      const before = logger.level
      if (level === before) return
      // Seen whatever the levels are: who reads the log later must know why lines begin or end.
      logger.level = 'info'
      logger.info({ from: before, to: level }, 'log level changed')
      logger.level = level
    },
    recentLines: () => recent.text(),
    flush: () => sink.flushSync?.(),
  }
}

function prettySink(sink: LogSink): LogSink {
  const format = prettyFactory({
    colorize: process.stderr.isTTY === true && process.env['NO_COLOR'] === undefined,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
    singleLine: true,
  })
  return { write: (line) => sink.write(format(line)) }
}
