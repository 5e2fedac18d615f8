export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/** What links need of a logger; pino has it. */
export interface PeerLogger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
}

const windowMs = 30_000
const keysMax = 512

/**
 * Warns once per key and half minute, and then says how often it kept silent: a peer that is refused, or a stranger who
 * sends garbage, comes back every second and must not fill the disk.
 */
export class GatedLog {
  readonly #logger: PeerLogger
  readonly #now: () => number
  readonly #keys = new Map<string, { since: number; silenced: number }>()

  constructor(logger: PeerLogger, now: () => number) {
    this.#logger = logger
    this.#now = now
  }

  warn(key: string, fields: LogFields, message: string): void {
    const now = this.#now()
    const known = this.#keys.get(key)
    if (known !== undefined && now - known.since < windowMs) {
      known.silenced++
      return
    }
    if (known === undefined && this.#keys.size >= keysMax) this.#keys.clear()
    this.#keys.set(key, { since: now, silenced: 0 })
    const silenced = known?.silenced ?? 0
    this.#logger.warn(silenced > 0 ? { ...fields, silenced } : fields, message)
  }
  /** What `prefix` stands for is well again: if it fails once more, that is news. */
  forget(prefix: string): void {
    for (const key of this.#keys.keys()) if (key.startsWith(prefix)) this.#keys.delete(key)
  }
}
