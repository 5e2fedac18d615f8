/** How long one document may be; the newest epoch with all its members is half of that. */
const answerBytesMax = 64 * 1024

export type JsonAnswer =
  | { readonly kind: 'json'; readonly status: number; readonly body: unknown }
  /** Somebody answered, but as no node does; `what` says how, as in "it sent …". */
  | { readonly kind: 'other'; readonly what: string }
  | { readonly kind: 'silent'; readonly reason: string }

/**
 * Asks what is perhaps a node, at an address that somebody typed, for a small JSON document. Whatever answers is bounded in
 * size and time, and sends this node nowhere else. Throws nothing.
 */
export async function askJson(url: string, withinMs: number, stopped?: AbortSignal): Promise<JsonAnswer> {
  const limit = AbortSignal.timeout(withinMs)
  try {
    const signal = stopped === undefined ? limit : AbortSignal.any([stopped, limit])
    const response = await fetch(url, { signal, redirect: 'manual' })
    const text = await boundedText(response)
    if (text === undefined) return { kind: 'other', what: `it sent more than ${answerBytesMax} bytes` }
    const body = parsed(text)
    if (body === undefined) return { kind: 'other', what: `it sent HTTP ${response.status} without JSON` }
    return { kind: 'json', status: response.status, body }
  } catch (error) {
    if (limit.aborted) return { kind: 'silent', reason: `no answer within ${withinMs} ms` }
    // `fetch` itself says no more than that it failed.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    if (!(cause instanceof Error)) return { kind: 'silent', reason: String(cause) }
    if (cause.name === 'HTTPParserError') return { kind: 'other', what: 'it does not speak HTTP' }
    const isSystem = 'syscall' in cause && 'code' in cause
    return { kind: 'silent', reason: isSystem ? String(cause.code) : cause.message }
  }
}

/** Undefined when it is too long. */
async function boundedText(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Leaving the loop ends the response.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > answerBytesMax) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
