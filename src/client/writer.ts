import { PaxosError } from '../base/error.ts'
import { encodeRequest } from '../machine/command-codec.ts'
import { type RequestLimits, requestProblem } from '../machine/limits.ts'
import { decodeReply } from '../machine/reply-codec.ts'
import type { Command, Reply } from '../machine/request.ts'
import type { Courier } from './courier.ts'
import { ClientSession } from './session.ts'

export type DoneReply = Exclude<Reply, { kind: 'error' }>

/** What cannot be encoded at all. The server's own limits are its answer. */
export const encodableLimits: RequestLimits = {
  keyBytesMax: 1024,
  valueBytesMax: Number.MAX_SAFE_INTEGER,
  requestBytesMax: Number.MAX_SAFE_INTEGER,
  txnOperationsMax: 1024,
}

/** Sends commands, each applied at most once however often it is sent, as long as there is a session. */
export class Writer {
  readonly #courier: Courier
  readonly #ttlMs: number
  /** Undefined: requests go without a session, and are sent again only when they were certainly not done. */
  readonly #useSession: boolean
  #session: ClientSession | undefined
  #opening: Promise<ClientSession> | undefined
  #waiting: (() => void)[] = []
  #keepAlive: NodeJS.Timeout | undefined

  constructor(courier: Courier, useSession: boolean, ttlMs: number) {
    this.#courier = courier
    this.#useSession = useSession
    this.#ttlMs = ttlMs
  }

  /** Rejects with a PaxosError; an error reply is one too. */
  async write(command: Command, timeoutMs: number): Promise<DoneReply> {
    if (!this.#useSession) return await this.#writeOnce(command, timeoutMs)
    const deadline = performance.now() + timeoutMs
    let session = this.#live()
    // Looked at again after each wait: others may have been first.
    while (session === undefined || session.full) session = await this.#nextSession(deadline)
    const stamp = session.stamp()
    const sentAt = performance.now()
    let alive = false
    try {
      const request = encode({ session: stamp, command })
      const task = { kind: 'submit', body: request, repeatable: true } as const
      const delivery = await this.#courier.run(task, Math.max(1, deadline - sentAt))
      const reply = decodeReply(delivery.bytes)
      alive = !isExpired(reply)
      if (!alive) this.#drop(session)
      return done(reply, delivery.maybeDoneBefore)
    } finally {
      session.finish(stamp.seq, sentAt, alive)
      this.#wakeWaiting()
    }
  }

  /** Closes the session, if one is open. Never rejects: an unreachable server forgets it after its TTL. */
  async close(timeoutMs: number): Promise<void> {
    clearInterval(this.#keepAlive)
    const session = this.#session
    if (session === undefined) return
    this.#session = undefined
    await this.#run(session, { kind: 'closeSession' }, timeoutMs).catch(ignore)
  }

  async #writeOnce(command: Command, timeoutMs: number): Promise<DoneReply> {
    const body = encode({ session: undefined, command })
    const delivery = await this.#courier.run({ kind: 'submit', body, repeatable: false }, timeoutMs)
    return done(decodeReply(delivery.bytes), delivery.maybeDoneBefore)
  }

  /** Waits while the session has as many open requests as the machine remembers. */
  async #nextSession(deadline: number): Promise<ClientSession> {
    if (this.#live()?.full === true) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return this.#live() ?? (await this.#open(deadline))
  }

  #live(): ClientSession | undefined {
    const session = this.#session
    if (session?.isStale(performance.now())) this.#drop(session)
    return this.#session
  }

  /** One opening serves everybody who waits for it. */
  #open(deadline: number): Promise<ClientSession> {
    this.#opening ??= this.#openNew(Math.max(1, deadline - performance.now())).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #openNew(timeoutMs: number): Promise<ClientSession> {
    const sentAt = performance.now()
    const body = encode({ session: undefined, command: { kind: 'openSession', ttlMs: this.#ttlMs } })
    // Opened twice, the second is used and the first expires.
    const delivery = await this.#courier.run({ kind: 'submit', body, repeatable: true }, timeoutMs).catch(notWritten)
    const reply = done(decodeReply(delivery.bytes), false)
    if (reply.kind !== 'session') throw unexpected(reply)
    const session = new ClientSession(reply.id, reply.ttlMs, sentAt)
    this.#session = session
    clearInterval(this.#keepAlive)
    this.#keepAlive = setInterval(() => this.#keepIdleAlive(session), session.ttlMs / 3)
    this.#keepAlive.unref()
    return session
  }

  #keepIdleAlive(session: ClientSession): void {
    const now = performance.now()
    if (session !== this.#session || now - session.aliveAt < session.ttlMs / 4) return
    this.#run(session, { kind: 'keepAlive' }, session.ttlMs / 3).then(
      () => session.touch(now),
      (error: PaxosError) => {
        if (error.code === 'SESSION_EXPIRED') this.#drop(session)
      },
    )
  }

  async #run(session: ClientSession, command: Command, timeoutMs: number): Promise<void> {
    const body = encode({ session: { id: session.id, seq: 0, ackedBelow: 0 }, command })
    const delivery = await this.#courier.run({ kind: 'submit', body, repeatable: true }, timeoutMs)
    done(decodeReply(delivery.bytes), false)
  }

  /** The next write opens a new one. */
  #drop(session: ClientSession): void {
    if (this.#session !== session) return
    this.#session = undefined
    clearInterval(this.#keepAlive)
  }

  #wakeWaiting(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}

function encode(request: Parameters<typeof encodeRequest>[0]): Uint8Array {
  const problem = requestProblem(request, encodableLimits)
  if (problem !== undefined) throw new PaxosError(problem.code, problem.message)
  return encodeRequest(request)
}

function isExpired(reply: Reply): boolean {
  return reply.kind === 'error' && reply.code === 'SESSION_EXPIRED'
}

function done(reply: Reply, maybeDoneBefore: boolean): DoneReply {
  if (reply.kind !== 'error') return reply
  if (isExpired(reply) && maybeDoneBefore) {
    throw new PaxosError('OUTCOME_UNKNOWN', 'The session expired while the request was being retried', {
      hint: 'It may have been done before. Read to find out what is true.',
    })
  }
  throw new PaxosError(reply.code, reply.message)
}

/** Whatever became of the session, the write that wanted it was never sent. */
function notWritten(error: PaxosError): never {
  if (error.code !== 'OUTCOME_UNKNOWN') throw error
  throw new PaxosError('TIMEOUT', 'No session could be opened in time; nothing was written', { cause: error })
}

export function unexpected({ kind }: { readonly kind: string }): PaxosError {
  return new PaxosError('INTERNAL', `The server answered with a reply of kind ${kind}`)
}

function ignore(): void {}
