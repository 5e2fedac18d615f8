import { text } from 'node:stream/consumers'
import { isErrorCode, PaxosError } from '../base/error.ts'
import { actorHeader } from '../wire/actor.ts'
import type {
  DiagnosisJson,
  EpochChangeJson,
  EpochsJson,
  GapsJson,
  LogFillJson,
  LogLevel,
  LogLineJson,
  ReadyJson,
  ReclaimJson,
  SlotVotesJson,
  SpaceJson,
  SpaceKeysJson,
  StatusJson,
  VerifyContentJson,
  VerifyJson,
  WantedEpochJson,
} from '../wire/api-types.ts'
import type { AuditChangesJson, AuditNotedJson, AuditTrailJson, NoteAction } from '../wire/audit-types.ts'
import { actorToSend } from './actor.ts'
import { type Endpoint, parseEndpoint } from './endpoint.ts'
import { type HttpAnswer, HttpClient, SilenceError } from './http-client.ts'

export interface AuditPage {
  readonly before?: number | undefined
  readonly limit?: number | undefined
  readonly consistency?: 'linearizable' | 'stale' | undefined
}

export interface AuditTrailOptions extends AuditPage {
  readonly trail?: 'admin' | 'writes' | undefined
  /** Only records that name it. */
  readonly key?: Uint8Array | undefined
}

export interface LogOptions {
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** Goes on with slots as they become chosen, until the loop over it ends. */
  readonly follow?: boolean | undefined
  /** Values too, not only their sizes. */
  readonly values?: boolean | undefined
}

export interface SlotRangeOptions {
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/** Where an increment begins: what the backup that it continues ends with. */
export interface IncrementStartOptions {
  readonly from: number
  readonly base: string
  readonly chain: string
}

/** Asks single nodes about themselves, over HTTP on their client port or unix socket. Rejects with PaxosError. */
export class AdminClient {
  readonly #timeoutMs: number
  readonly #actor: string
  readonly #clients = new Map<string, HttpClient>()

  /** `actor` is who this is, for the cluster's audit trail: a claim. Default: user@host of the process. */
  constructor(options: { readonly timeoutMs?: number | undefined; readonly actor?: string | undefined } = {}) {
    this.#actor = actorToSend(options.actor)
    this.#timeoutMs = options.timeoutMs ?? 5000
  }

  async status(endpoint: string): Promise<StatusJson> {
    return (await this.#json(endpoint, 'GET', '/v1/status')) as StatusJson
  }

  async diagnosis(endpoint: string): Promise<DiagnosisJson> {
    return (await this.#json(endpoint, 'GET', '/v1/diagnosis')) as DiagnosisJson
  }

  /** What a recovery is planned from; `readSurvivor` reads it. */
  async recovery(endpoint: string): Promise<unknown> {
    return await this.#json(endpoint, 'GET', '/v1/recovery')
  }

  async space(endpoint: string): Promise<SpaceJson> {
    return (await this.#json(endpoint, 'GET', '/v1/space')) as SpaceJson
  }

  /** How the packed copy of the node's state database goes, or went. */
  async reclaimed(endpoint: string): Promise<ReclaimJson> {
    return (await this.#json(endpoint, 'GET', '/v1/space/reclaim')) as ReclaimJson
  }

  /** Begins it, unless it goes on already. */
  async reclaim(endpoint: string): Promise<ReclaimJson> {
    return (await this.#json(endpoint, 'POST', '/v1/space/reclaim')) as ReclaimJson
  }

  /** One page of records, counted. Go on with `after` as its `next`. */
  async spaceKeys(
    endpoint: string,
    { prefix, depth, after }: { readonly prefix: Uint8Array; readonly depth: number; readonly after?: string | null },
  ): Promise<SpaceKeysJson> {
    const query = [`prefix=${percentEncoded(prefix)}`, `depth=${depth}`, ...(after ? [`after=${after}`] : [])].join('&')
    return (await this.#json(endpoint, 'GET', `/v1/space/keys?${query}`)) as SpaceKeysJson
  }

  async gaps(endpoint: string, options: SlotRangeOptions = {}): Promise<GapsJson> {
    return (await this.#json(endpoint, 'GET', `/v1/log/gaps${queryOf({ ...options })}`)) as GapsJson
  }

  /** What each acceptor holds of the slots: at most 10,000 of them. */
  async votes(endpoint: string, options: SlotRangeOptions): Promise<SlotVotesJson> {
    return (await this.#json(endpoint, 'GET', `/v1/log/votes${queryOf({ ...options })}`)) as SlotVotesJson
  }

  /** Waits until a leader has decided them; what there is to decide is in the answer to a dry run. */
  async fill(endpoint: string, wanted: { slot?: number; takeOver: boolean; dryRun: boolean }): Promise<LogFillJson> {
    return (await this.#json(endpoint, 'POST', '/v1/log/fill', JSON.stringify(wanted))) as LogFillJson
  }

  async epochs(endpoint: string, history = false): Promise<EpochsJson> {
    return (await this.#json(endpoint, 'GET', `/v1/epoch${queryOf(history ? { history } : {})}`)) as EpochsJson
  }

  /** Only the leader does. A dry run is refused by nobody: what is wrong is in the answer. */
  async changeEpoch(endpoint: string, wanted: WantedEpochJson): Promise<EpochChangeJson> {
    return (await this.#json(endpoint, 'POST', '/v1/epoch', JSON.stringify(wanted))) as EpochChangeJson
  }

  /** Only the leader does. */
  async handOver(endpoint: string, to: string): Promise<void> {
    await this.#json(endpoint, 'POST', '/v1/leader', JSON.stringify({ to }))
  }

  /** Asks every member; a difference is an answer, not an error. */
  async verify(endpoint: string, options: SlotRangeOptions = {}): Promise<VerifyJson> {
    return (await this.#json(endpoint, 'GET', `/v1/log/verify${queryOf({ ...options })}`)) as VerifyJson
  }

  /** One page of keys; without a revision at the newest that all members have. Go on at `next`, at the same revision. */
  async verifyContent(
    endpoint: string,
    { revision, start }: { readonly revision?: number | undefined; readonly start?: Uint8Array | undefined } = {},
  ): Promise<VerifyContentJson> {
    const query = [
      ...(revision === undefined ? [] : [`revision=${revision}`]),
      ...(start === undefined ? [] : [`start=${percentEncoded(start)}`]),
    ].join('&')
    return (await this.#json(endpoint, 'GET', `/v1/log/verify/content?${query}`)) as VerifyContentJson
  }

  /** Who did what, the newest first. */
  async audit(endpoint: string, options: AuditTrailOptions): Promise<AuditTrailJson> {
    const { key, ...rest } = options
    return (await this.#json(endpoint, 'GET', `/v1/audit${withKey(queryOf({ ...rest }), key)}`)) as AuditTrailJson
  }

  /** What changed a key, the newest first. */
  async auditChanges(endpoint: string, options: AuditPage & { readonly key: Uint8Array }): Promise<AuditChangesJson> {
    const { key, ...rest } = options
    const path = `/v1/audit/changes${withKey(queryOf({ ...rest }), key)}`
    return (await this.#json(endpoint, 'GET', path)) as AuditChangesJson
  }

  /** Records something that the cluster cannot know by itself. */
  async note(endpoint: string, action: NoteAction, detail: string): Promise<AuditNotedJson> {
    return (await this.#json(endpoint, 'POST', '/v1/audit', JSON.stringify({ action, detail }))) as AuditNotedJson
  }

  /** Not being ready is an answer, not an error. */
  async ready(endpoint: string): Promise<ReadyJson> {
    return (await this.#json(endpoint, 'GET', '/readyz', undefined, [200, 503])) as ReadyJson
  }

  async logLevel(endpoint: string): Promise<string> {
    const { level } = (await this.#json(endpoint, 'GET', '/v1/log-level')) as { level: string }
    return level
  }

  async setLogLevel(endpoint: string, level: LogLevel): Promise<void> {
    await this.#json(endpoint, 'PUT', '/v1/log-level', JSON.stringify({ level }))
  }

  /** What a node answers at a path, in whatever form, up to a number of bytes. */
  async text(
    endpoint: string,
    path: string,
    { bytesMax, signal }: { readonly bytesMax: number; readonly signal: AbortSignal },
  ): Promise<{ readonly text: string; readonly isWhole: boolean }> {
    const target = parseEndpoint(endpoint)
    const { body } = await this.#request(endpoint, 'GET', path, undefined, [200, 503], false, signal)
    const chunks: Uint8Array[] = []
    let bytes = 0
    try {
      for await (const chunk of body) {
        chunks.push(chunk as Uint8Array)
        bytes += (chunk as Uint8Array).length
        // Leaving the loop ends the connection, and the rest never comes.
        if (bytes > bytesMax) break
      }
    } catch (error) {
      throw toPaxosError(error, target)
    }
    return { text: Buffer.concat(chunks).subarray(0, bytesMax).toString('utf8'), isWhole: bytes <= bytesMax }
  }

  async metrics(endpoint: string): Promise<string> {
    const target = parseEndpoint(endpoint)
    const { body } = await this.#request(endpoint, 'GET', '/metrics')
    try {
      return await text(body)
    } catch (error) {
      throw toPaxosError(error, target)
    }
  }

  async *log(endpoint: string, options: LogOptions = {}): AsyncGenerator<LogLineJson, void, undefined> {
    const target = parseEndpoint(endpoint)
    const { body } = await this.#request(endpoint, 'GET', `/v1/log${queryOf({ ...options })}`, undefined, [200], true)
    let rest = ''
    const decoder = new TextDecoder()
    try {
      for await (const chunk of body) {
        const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) if (line !== '') yield parse(line, target) as LogLineJson
      }
    } catch (error) {
      throw toPaxosError(error, target)
    }
  }

  /** The bytes of a backup, or of an increment from `start` on, as they come. Whole only if its end is there. */
  async *backup(
    endpoint: string,
    consistency: 'linearizable' | 'stale',
    start?: IncrementStartOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const target = parseEndpoint(endpoint)
    const path = start === undefined ? '/v1/backup' : '/v1/backup/increment'
    const { body } = await this.#request(endpoint, 'GET', `${path}${queryOf({ consistency, ...start })}`)
    try {
      for await (const chunk of body) yield chunk as Uint8Array
    } catch (error) {
      throw toPaxosError(error, target)
    }
  }

  /** What is still being answered ends. */
  close(): void {
    for (const client of this.#clients.values()) client.close()
    this.#clients.clear()
  }

  async #json(
    endpoint: string,
    method: string,
    path: string,
    requestBody?: string,
    expected: readonly number[] = [200],
  ): Promise<unknown> {
    const target = parseEndpoint(endpoint)
    const { body } = await this.#request(endpoint, method, path, requestBody, expected)
    try {
      return parse(await text(body), target)
    } catch (error) {
      throw toPaxosError(error, target)
    }
  }

  async #request(
    endpoint: string,
    method: string,
    path: string,
    body?: string,
    expected: readonly number[] = [200],
    endless = false,
    signal?: AbortSignal,
  ): Promise<HttpAnswer> {
    const target = parseEndpoint(endpoint)
    let status: number
    let problem: string
    try {
      const headers = { [actorHeader]: this.#actor }
      const answer = await this.#client(target).request({ method, path, body, headers, endless, signal })
      if (expected.includes(answer.status)) return answer
      status = answer.status
      problem = await text(answer.body)
    } catch (error) {
      throw toPaxosError(error, target)
    }
    throw errorOf(problem, status, target)
  }

  #client(endpoint: Endpoint): HttpClient {
    const known = this.#clients.get(endpoint.url)
    if (known !== undefined) return known
    const client = new HttpClient(endpoint, this.#timeoutMs)
    this.#clients.set(endpoint.url, client)
    return client
  }
}

function queryOf(options: Readonly<Record<string, number | boolean | string | undefined>>): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(options)) if (value !== undefined) parameters.set(name, String(value))
  return parameters.size === 0 ? '' : `?${parameters}`
}

function withKey(query: string, key: Uint8Array | undefined): string {
  return key === undefined ? query : `${query}${query === '' ? '?' : '&'}key=${percentEncoded(key)}`
}

function percentEncoded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').replace(/../g, '%$&')
}

function parse(text: string, endpoint: Endpoint): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new PaxosError('CANNOT_CONNECT', `${endpoint.url} did not answer in JSON`, { hint: notOurs, cause })
  }
}

function errorOf(text: string, status: number, endpoint: Endpoint): PaxosError {
  const answer = parse(text, endpoint) as { error?: { code?: unknown; message?: unknown; hint?: unknown } } | null
  const code = answer?.error?.code
  if (typeof code !== 'string' || !isErrorCode(code)) {
    return new PaxosError('CANNOT_CONNECT', `${endpoint.url} answered with HTTP ${status}`, { hint: notOurs })
  }
  const hint = answer?.error?.hint
  return new PaxosError(code, String(answer?.error?.message), { hint: typeof hint === 'string' ? hint : undefined })
}

const notOurs = 'Is this the client port of a node? It is 7601 by default.'

function toPaxosError(error: unknown, endpoint: Endpoint): PaxosError {
  if (error instanceof PaxosError) return error
  const { code, message } = error as { code?: string; message?: string }
  if (error instanceof SilenceError && error.connected) {
    return new PaxosError('TIMEOUT', `${endpoint.url} did not answer in time`, { cause: error })
  }
  return new PaxosError('CANNOT_CONNECT', `Cannot connect to ${endpoint.url}: ${message || code}`, {
    hint: 'Is a node running there? `paxos node start` starts one, `paxos dev` a whole cluster.',
    cause: error,
  })
}
