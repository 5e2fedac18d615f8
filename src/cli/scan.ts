export interface ScanItem {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export interface ScanPage<Item> {
  readonly items: readonly Item[]
  readonly more: boolean
  readonly revision: number
}

export interface ScanOptions {
  readonly prefix?: Uint8Array
  readonly start?: Uint8Array
  readonly end?: Uint8Array
  readonly revision?: number
  readonly consistency?: 'linearizable' | 'stale'
  readonly keysOnly?: boolean
}

export interface Lister<Item> {
  list(options: ScanOptions & { readonly limit: number }): Promise<ScanPage<Item>>
}

const pageKeys = 1000

/** Pages through a range in key order, all at the revision of the first page, so that the whole is one moment. */
export async function* scan<Item extends { readonly key: Uint8Array }>(
  client: Lister<Item>,
  options: ScanOptions,
  limit = pageKeys,
): AsyncGenerator<ScanPage<Item>> {
  const { prefix, ...others } = options
  const end = prefix === undefined ? options.end : prefixEnd(prefix)
  let start = prefix ?? options.start
  let revision = options.revision
  for (;;) {
    const page = await client.list({
      ...others,
      limit,
      ...(start !== undefined && { start }),
      ...(end !== undefined && { end }),
      ...(revision !== undefined && { revision }),
    })
    yield page
    const last = page.items.at(-1)
    if (!page.more || last === undefined) return
    revision ??= page.revision
    // The smallest key above the last one.
    start = Buffer.concat([last.key, new Uint8Array(1)])
  }
}

/** The first key that does not begin with `prefix`; undefined when there is none. */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  const end = Uint8Array.from(prefix)
  for (let at = end.length - 1; at >= 0; at--) {
    const byte = end[at] ?? 0
    if (byte === 0xff) continue
    end[at] = byte + 1
    return end.subarray(0, at + 1)
  }
  return undefined
}
