import { errorCodes } from '../base/error.ts'
import { Random } from '../base/random.ts'
import { encodeRequest, withOrigin } from '../machine/command-codec.ts'
import type { Answer, Command, DataQuery, Reply, Request } from '../machine/request.ts'
import { auditLevel } from '../protocol/feature-level.ts'
import type { Outcome } from '../runtime/peer-message.ts'
import type { ReadOutcome } from '../runtime/replica-service.ts'
import type { Coverage } from './fault-points.ts'
import { insist } from './invariant-error.ts'
import type { SimNode } from './node.ts'
import type { SimOptions } from './options.ts'
import type { Scheduler } from './scheduler.ts'
import { type Trace, traceKind } from './trace.ts'
import { drawCommand, drawQuery } from './workload.ts'

/** What a client asked and what it was told. `returnedAt` undefined: it never learned what became of it. */
export interface ClientOperation {
  readonly client: number
  readonly invokedAt: number
  readonly returnedAt: number | undefined
  readonly input:
    | { readonly kind: 'command'; readonly command: Command }
    | { readonly kind: 'query'; readonly query: DataQuery; readonly isStale: boolean }
  readonly output: Reply | Answer | undefined
  /** Of a write: what to look for in the log. */
  readonly request?: Uint8Array
}

export interface ClientHost {
  readonly options: SimOptions
  readonly scheduler: Scheduler
  readonly trace: Trace
  readonly coverage: Coverage
  readonly nodes: readonly SimNode[]
  /** Every request that enters the system, for the non-triviality check. */
  onSubmitted(request: Uint8Array): void
  onFinished(operation: ClientOperation): void
  /** It was told that the write is certainly not done. */
  onRefused(operation: ClientOperation): void
}

/** Without faults there is little to find in doing much. */
const calmThinkMs = 300

/** One client in a closed loop, with or without a session. With one it repeats what was not answered, elsewhere. */
export class SimClient {
  readonly #number: number
  readonly #host: ClientHost
  readonly #random: Random
  /** Apart, so that a run is the same but for what is said of who asks. */
  readonly #auditRandom: Random
  readonly #wantsSession: boolean
  /** The node that it always asks; undefined: any. */
  #home: SimNode | undefined
  readonly #isAlert: boolean
  /** Share of its operations that read. */
  #reads: number
  #meanThinkMs: number
  #session: number | undefined
  #seq = 0
  #value = 0
  #isStopped = false
  #finished = 0
  #open: ClientOperation | undefined

  constructor(number: number, host: ClientHost, random: Random) {
    this.#number = number
    this.#host = host
    this.#random = random
    this.#auditRandom = new Random((host.options.seed ^ 0xa0d18) + number)
    const { sessions, settled, apart, alert, reads } = host.options.workload
    this.#wantsSession = random.chance(sessions)
    this.#home = random.chance(settled) ? host.nodes[random.integer(0, host.nodes.length)] : undefined
    this.#isAlert = random.chance(alert)
    this.#meanThinkMs = host.options.workload.meanThinkMs
    this.#reads = random.chance(apart) ? Number(random.chance(reads)) : reads
  }

  /** Operations that were answered. */
  get finished(): number {
    return this.#finished
  }

  /** A write that was asked for and not answered yet: it may have been done. */
  get open(): ClientOperation | undefined {
    return this.#open
  }

  start(): void {
    this.#think()
  }

  /** From now on it asks only nodes that are there for good, writes as well as reads, and takes its time. */
  settleIn(nodes: readonly SimNode[]): void {
    this.#home = nodes[this.#random.integer(0, nodes.length)]
    this.#reads = Math.min(0.5, this.#reads)
    this.#meanThinkMs = Math.max(calmThinkMs, this.#meanThinkMs)
  }

  stop(): void {
    this.#isStopped = true
  }

  #think(): void {
    if (this.#isStopped) return
    const thinkMs = this.#meanThinkMs * 2 * this.#random.next()
    this.#host.scheduler.after(thinkMs, () => this.#next())
  }

  #next(): void {
    if (this.#isStopped) return
    const { workload } = this.#host.options
    if (this.#wantsSession && this.#session === undefined) this.#openSession()
    else if (this.#random.chance(this.#reads)) this.#read(this.#random.chance(workload.staleReads))
    else this.#write()
  }

  #openSession(): void {
    const command: Command = { kind: 'openSession', ttlMs: 60_000 }
    this.#submit({ session: undefined, command }, 1, (reply) => {
      if (reply?.kind === 'session') {
        this.#session = reply.id
        this.#seq = 0
      }
    })
  }

  #write(): void {
    this.#value++
    const command = drawCommand(this.#random, this.#host.options.workload, `${this.#number}.${this.#value}`)
    if (this.#session === undefined) {
      this.#submit({ session: undefined, command }, 1, () => {})
      return
    }
    this.#seq++
    const session = { id: this.#session, seq: this.#seq, ackedBelow: this.#seq }
    this.#submit({ session, command }, this.#host.options.workload.tries, (reply) => {
      if (reply?.kind === 'error' && reply.code === 'SESSION_EXPIRED') this.#session = undefined
      // An operation whose outcome is open would block the window of sequence numbers; begin anew.
      if (reply === undefined) this.#session = undefined
    })
  }

  /** One operation; `tries` attempts of the same bytes. */
  #submit(request: Request, tries: number, then: (reply: Reply | undefined) => void): void {
    const bytes = encodeRequest(request)
    const invokedAt = this.#host.scheduler.now
    this.#host.onSubmitted(bytes)
    this.#host.trace.event(
      traceKind.invoke,
      this.#number,
      bytes.length,
      bytes,
      () => `${invokedAt.toFixed(2).padStart(10)} client ${this.#number} asks ${JSON.stringify(request.command)}`,
    )
    const isSigned =
      request.command.kind !== 'openSession' && this.#auditRandom.chance(this.#host.options.audit.origins)
    let mayBeDone = false
    const input = { kind: 'command', command: request.command } as const
    const unknown = { client: this.#number, invokedAt, returnedAt: undefined, input, output: undefined, request: bytes }
    this.#open = unknown
    const attempt = (left: number): void => {
      this.#call(
        (node, answer) => {
          const sent = isSigned ? this.#signed(node, bytes) : bytes
          node.replica?.submit(sent, this.#host.options.workload.timeoutMs, answer)
        },
        (outcome: Outcome | undefined, wasSent: boolean, node: SimNode | undefined) => {
          if (outcome?.kind === 'replied') {
            mustServe(node)
            then(outcome.reply)
            this.#finish({ invokedAt, input, output: outcome.reply, request: bytes })
            return
          }
          if (outcome === undefined ? wasSent : errorCodes[outcome.code].done === 'unknown') mayBeDone = true
          if (left > 1 && !this.#isStopped) {
            this.#host.scheduler.after(20 + this.#random.next() * 200, () => attempt(left - 1))
            return
          }
          then(undefined)
          this.#open = undefined
          if (mayBeDone) this.#host.onFinished(unknown)
          else this.#host.onRefused(unknown)
          this.#think()
        },
      )
    }
    attempt(tries)
  }

  /** The node says where a request comes from, so a repetition elsewhere says something else. */
  #signed(node: SimNode, request: Uint8Array): Uint8Array {
    if ((node.replica?.epoch.featureLevel ?? 0) < auditLevel) return request
    this.#host.coverage.hit('audit.origin')
    return withOrigin(request, { actor: `client ${this.#number}`, node: `n${node.id}`, address: '' })
  }

  #read(isStale: boolean): void {
    const query = drawQuery(this.#random, this.#host.options.workload)
    const invokedAt = this.#host.scheduler.now
    const input = { kind: 'query', query, isStale } as const
    const { timeoutMs } = this.#host.options.workload
    this.#call(
      (node, answer) => node.replica?.read(query, isStale ? 'stale' : 'linearizable', timeoutMs, answer),
      (outcome: ReadOutcome | undefined, _wasSent: boolean, node: SimNode | undefined) => {
        // Who asks one that is dead to the others for old data gets it, of a cluster that is no more.
        if (isStale && node?.isOutcast === true) this.#think()
        else if (outcome?.kind === 'answered') {
          if (!isStale) mustServe(node)
          this.#finish({ invokedAt, input, output: outcome.answer })
        } else this.#think()
      },
    )
  }

  #finish(operation: Pick<ClientOperation, 'invokedAt' | 'input' | 'output' | 'request'>): void {
    const returnedAt = this.#host.scheduler.now
    this.#finished++
    this.#open = undefined
    this.#host.trace.event(
      traceKind.return,
      this.#number,
      this.#finished,
      undefined,
      () => `${returnedAt.toFixed(2).padStart(10)} client ${this.#number} is told ${JSON.stringify(operation.output)}`,
    )
    this.#host.onFinished({ client: this.#number, returnedAt, ...operation })
    this.#think()
  }

  /**
   * Asks one node. The answer is undefined when it never came: the node was down and nothing was sent, or it crashed, or
   * took longer than the client waits.
   */
  #call<T>(
    ask: (node: SimNode, answer: (outcome: T) => void) => void,
    done: (outcome: T | undefined, wasSent: boolean, node: SimNode | undefined) => void,
  ): void {
    const { scheduler, nodes, options } = this.#host
    const node = this.#home ?? nodes[this.#random.integer(0, nodes.length)]
    let isOver = false
    let hearNoMore = (): void => {}
    const settle = (outcome: T | undefined, wasSent: boolean): void => {
      if (isOver) return
      isOver = true
      hearNoMore()
      done(outcome, wasSent, node)
    }
    scheduler.after(options.workload.timeoutMs * 1.5, () => settle(undefined, true))
    scheduler.after(this.#random.next() * 2, () => {
      if (node === undefined || !node.isUp) {
        settle(undefined, false)
        return
      }
      if (this.#isAlert) hearNoMore = node.onHangUp(() => scheduler.after(1, () => settle(undefined, true)))
      node.run(() => ask(node, (outcome) => scheduler.after(this.#random.next() * 2, () => settle(outcome, true))))
    })
  }
}

/** Whoever is left behind by a recovery may think that it leads, and must not answer. */
function mustServe(node: SimNode | undefined): void {
  insist(node?.isOutcast !== true, 'outcasts serve nobody', () => `n${node?.id} answers, which was given up as dead`)
}
