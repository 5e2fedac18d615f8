import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'

export interface NodeProcessOptions {
  readonly name: string
  /** What follows `paxos node start`. */
  readonly args: readonly string[]
  /** Path of this program's entry file. */
  readonly program: string
  readonly cwd: string
  readonly logFile: string
  /** Undefined leaves a dead node dead. One that stopped because somebody asked it to is started again at once. */
  readonly restartAfterMs: number | undefined
  /** The node ended, and not because of us. */
  onEnd(how: NodeEnd): void
  onRestart(pid: number): void
}

export interface NodeEnd {
  /** `exit status 1` or `signal SIGKILL`. */
  readonly how: string
  /** Somebody asked it to stop. */
  readonly isClean: boolean
  /** Undefined: it is not started again. */
  readonly restartAfterMs: number | undefined
}

const logBytesMax = 16 * 1024 * 1024
const stopMs = 15_000

/** One node of a development cluster, started again when it dies. */
export class NodeProcess {
  readonly #options: NodeProcessOptions
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #stopping = false

  constructor(options: NodeProcessOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.name
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  get logFile(): string {
    return this.#options.logFile
  }

  start(): void {
    const { program, args, cwd, logFile } = this.#options
    rotate(logFile)
    const log = openSync(logFile, 'a', 0o600)
    const child = spawn(process.execPath, [program, 'node', 'start', ...args], {
      cwd,
      env: nodeEnvironment(),
      // Its own process group: a Ctrl-C is for us, and we stop the nodes in order. If we are killed, its standard
      // input ends, and the node stops by itself.
      detached: true,
      stdio: ['pipe', log, log],
    })
    closeSync(log)
    child.stdin?.on('error', () => {})
    child.on('error', (error) => this.#onEnd(child, error.message, false))
    child.on('exit', (code, signal) => {
      this.#onEnd(child, signal === null ? `exit status ${code}` : `signal ${signal}`, code === 0)
    })
    this.#child = child
  }

  /** Asks it to stop, and insists after a while. */
  stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (child === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      const insist = setTimeout(() => child.kill('SIGKILL'), stopMs)
      child.once('exit', () => {
        clearTimeout(insist)
        resolve()
      })
      child.kill('SIGTERM')
    })
  }

  kill(): void {
    this.#stopping = true
    this.#child?.kill('SIGKILL')
  }

  /** The last lines of its log, for an error message. */
  lastLines(count: number): string {
    if (!existsSync(this.#options.logFile)) return ''
    return readFileSync(this.#options.logFile, 'utf8').trimEnd().split('\n').slice(-count).join('\n')
  }

  #onEnd(child: ChildProcess, how: string, isClean: boolean): void {
    if (this.#child !== child) return
    this.#child = undefined
    if (this.#stopping) return
    const { onEnd, onRestart } = this.#options
    const restartAfterMs = this.#options.restartAfterMs && (isClean ? 0 : this.#options.restartAfterMs)
    onEnd({ how, isClean, restartAfterMs })
    if (restartAfterMs === undefined) return
    this.#timer = setTimeout(() => {
      this.start()
      onRestart(this.pid ?? 0)
    }, restartAfterMs)
  }
}

/** Ours without PAXOS_* settings, which are meant for a single node or for a client. */
function nodeEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PAXOS_'))
  return Object.fromEntries(kept)
}

function rotate(file: string): void {
  if (existsSync(file) && statSync(file).size > logBytesMax) renameSync(file, `${file}.1`)
}
