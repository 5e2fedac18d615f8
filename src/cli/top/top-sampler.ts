import { PaxosError } from '../../base/error.ts'
import type { AdminClient } from '../../client/admin.ts'
import type { StatusJson } from '../../wire/api-types.ts'
import { parseExposition, type Scrape } from './exposition.ts'
import { type MemberSample, sampleOf, silent } from './member-sample.ts'

/** What `cluster top` prints with --json, one a line. */
export interface TopSample {
  /** When it was taken, as an ISO date. */
  readonly time: string
  /** Since the one before. */
  readonly intervalMs: number
  readonly clusterId: string
  readonly epoch: number
  readonly members: readonly MemberSample[]
}

export type TopSource = Pick<AdminClient, 'text'>

interface Known {
  readonly name: string
  readonly endpoint: string | undefined
}

const textBytesMax = 4 * 1024 * 1024

/** Scrapes every member again and again, and says what came between two scrapes. */
export class TopSampler {
  readonly #source: TopSource
  readonly #endpoints: readonly string[]
  readonly #patienceMs: number
  #status: StatusJson | undefined
  /** Who answered last: asked first, so that a silent one costs its time once. */
  #teller: string | undefined
  #before = new Map<string, Scrape>()
  #at = performance.now()

  /** A member that does not answer within `patienceMs` counts as silent: it must not hold up the others. */
  constructor(source: TopSource, endpoints: readonly string[], patienceMs: number) {
    this.#source = source
    this.#endpoints = endpoints
    this.#patienceMs = patienceMs
  }

  /** Rejects with PaxosError CANNOT_CONNECT when nobody has ever answered. */
  async sample(): Promise<TopSample> {
    const status = await this.#members()
    const known = status.members.map(({ name, clientAddress }): Known => {
      if (clientAddress !== null) return { name, endpoint: `http://${clientAddress}` }
      return { name, endpoint: name === status.node.name ? this.#teller : undefined }
    })
    const scrapes = await Promise.all(known.map(({ endpoint }) => this.#scrape(endpoint)))
    const before = this.#before
    this.#before = new Map()
    const members = known.map(({ name, endpoint = null }, at): MemberSample => {
      const scrape = scrapes[at]
      if (scrape === undefined) return { member: name, endpoint, ...silent }
      this.#before.set(name, scrape)
      return { member: name, endpoint, ...sampleOf(before.get(name), scrape) }
    })
    const now = performance.now()
    const intervalMs = Math.round(now - this.#at)
    this.#at = now
    const { clusterId, groups } = status
    return { time: new Date().toISOString(), intervalMs, clusterId, epoch: groups[0]?.epoch ?? 0, members }
  }

  /** As the first node that answers knows them; as they were when none does. */
  async #members(): Promise<StatusJson> {
    const known = this.#status?.members.flatMap(({ clientAddress }) =>
      clientAddress === null ? [] : [`http://${clientAddress}`],
    )
    const failures: PaxosError[] = []
    const first = this.#teller === undefined ? [] : [this.#teller]
    for (const endpoint of new Set([...first, ...this.#endpoints, ...(known ?? [])])) {
      try {
        const { text } = await this.#text(endpoint, '/v1/status')
        const status = JSON.parse(text) as StatusJson
        this.#status = status
        this.#teller = endpoint
        return status
      } catch (error) {
        if (!(error instanceof PaxosError)) throw error
        failures.push(error)
      }
    }
    if (this.#status !== undefined) return this.#status
    const message = failures.map((failure) => failure.message).join('; ')
    throw new PaxosError('CANNOT_CONNECT', `No node answered: ${message}`, { hint: failures[0]?.hint })
  }

  async #scrape(endpoint: string | undefined): Promise<Scrape | undefined> {
    if (endpoint === undefined) return undefined
    try {
      const { text } = await this.#text(endpoint, '/metrics')
      return parseExposition(text, performance.now())
    } catch (error) {
      if (error instanceof PaxosError) return undefined
      throw error
    }
  }

  #text(endpoint: string, path: string): Promise<{ readonly text: string }> {
    return this.#source.text(endpoint, path, { bytesMax: textBytesMax, signal: AbortSignal.timeout(this.#patienceMs) })
  }
}
