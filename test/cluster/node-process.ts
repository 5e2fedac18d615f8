import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ReadyJson, StatusJson } from '../../src/wire/api-types.ts'

const binary = join(import.meta.dirname, '..', '..', 'bin', 'run.js')

/** Lines of a node's log that are kept for the report of a failure. */
const logLinesMax = 400

export interface ProcessOptions {
  readonly name: string
  readonly dataDir: string
  /** Where no configuration file lies. */
  readonly cwd: string
  readonly clientPort: number
  readonly peerPort: number
  /** `n1=host:port,…` */
  readonly members: string
  readonly token: string
  /** Client addresses of a cluster to get into, instead of members and token. */
  readonly join?: string
  readonly settings: Readonly<Record<string, string | number>>
  /** What to run the node under, such as strace. */
  readonly wrapper?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Options of Node itself. */
  readonly execArgv?: readonly string[]
  /** The entry file of another build. */
  readonly program?: string
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** One node as a process of the real binary, which can be started and ended many times. */
export class NodeProcess {
  readonly name: string
  readonly dataDir: string
  readonly url: string
  readonly clientPort: number
  readonly peerPort: number
  readonly #options: ProcessOptions
  readonly #log: string[] = []
  #child: ChildProcess | undefined
  #exit: Promise<Exit> | undefined

  constructor(options: ProcessOptions) {
    this.#options = options
    this.name = options.name
    this.dataDir = options.dataDir
    this.clientPort = options.clientPort
    this.peerPort = options.peerPort
    this.url = `http://127.0.0.1:${options.clientPort}`
  }

  get running(): boolean {
    return this.#child !== undefined
  }

  get log(): string {
    return this.#log.join('\n')
  }

  /** Without asking the node; undefined while it does not run. */
  get childPid(): number | undefined {
    return this.#child?.pid
  }

  /** Of the node itself, also when it runs under strace. */
  async pid(): Promise<number> {
    return (await this.status()).node.pid
  }

  /** Only spawns it; see `Cluster.ready`. `changes` are settings for this run. */
  start(changes: Partial<ProcessOptions> = {}): void {
    assert.ok(this.#child === undefined, `${this.name} runs already`)
    const options = { ...this.#options, ...changes }
    const [program = '', ...args] = commandOf(options)
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...cleanEnvironment(), ...options.env },
      // The node stops with its standard input, so that it cannot outlive a test that was killed.
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    child.stdin?.on('error', () => {})
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (bytes: Buffer) => this.#note(bytes.toString('utf8')))
    }
    this.#child = child
    this.#exit = once(child, 'close').then(([code, signal]): Exit => {
      if (this.#child === child) this.#child = undefined
      this.#note(`(ended: code ${code}, signal ${signal})`)
      return { code, signal }
    })
  }

  /** Resolves when the process has ended. */
  async exited(): Promise<Exit> {
    assert.ok(this.#exit !== undefined, `${this.name} was never started`)
    return await this.#exit
  }

  /** SIGKILL: nothing is said, nothing is closed. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.exited()
  }

  /** SIGTERM, and waits for the clean end. */
  async stop(): Promise<Exit> {
    this.signal('SIGTERM')
    return await this.exited()
  }

  signal(signal: NodeJS.Signals): void {
    assert.ok(this.#child !== undefined, `${this.name} does not run`)
    this.#child.kill(signal)
  }

  /** Whatever state it is in. */
  async end(): Promise<void> {
    if (this.#child === undefined) return
    this.#child.kill('SIGCONT')
    this.#child.kill('SIGKILL')
    await this.#exit
  }

  async status(): Promise<StatusJson> {
    return (await this.#json('/v1/status')) as StatusJson
  }

  async readiness(): Promise<ReadyJson> {
    return (await this.#json('/readyz')) as ReadyJson
  }

  async metric(name: string): Promise<number> {
    const response = await fetch(`${this.url}/metrics`, { signal: AbortSignal.timeout(5000) })
    const line = (await response.text()).split('\n').find((text) => text.startsWith(`${name} `))
    assert.ok(line !== undefined, `${this.name} has no metric ${name}`)
    return Number(line.slice(name.length))
  }

  async #json(path: string): Promise<unknown> {
    const response = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(2000) })
    return await response.json()
  }

  #note(text: string): void {
    this.#log.push(...text.split('\n').filter((line) => line !== ''))
    if (this.#log.length > logLinesMax) this.#log.splice(0, this.#log.length - logLinesMax)
  }
}

function commandOf(options: ProcessOptions): string[] {
  const { name, dataDir, clientPort, peerPort, members, token, join } = options
  return [
    ...(options.wrapper ?? []),
    process.execPath,
    ...(options.execArgv ?? []),
    options.program ?? binary,
    'node',
    'start',
    `--name=${name}`,
    `--data-dir=${dataDir}`,
    `--listen-client=127.0.0.1:${clientPort}`,
    `--listen-peer=127.0.0.1:${peerPort}`,
    ...(join === undefined ? [`--bootstrap-members=${members}`, `--cluster-token=${token}`] : [`--join=${join}`]),
    '--log-format=json',
    '--stop-with-stdin',
    ...Object.entries(options.settings).map(([key, value]) => `--set=${key}=${value}`),
  ]
}

/** What someone's shell has set must not change what is tested. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([key]) => !/^(PAXOS_|NODE_|UV_)/.test(key))
  return Object.fromEntries(kept)
}
