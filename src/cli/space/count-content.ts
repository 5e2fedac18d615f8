import type { AdminClient } from '../../client/admin.ts'
import { ContentCount } from './content-count.ts'

/** What was counted of the keys below one prefix. */
export interface ContentView {
  /** As given; empty for everything. */
  readonly prefix: string
  readonly node: string
  /** Of the node when the last page was counted. */
  readonly revision: number
  /** False when time ran out: the counts are of the first `records`, in the order of keys. */
  readonly complete: boolean
  readonly records: number
  readonly items: ContentCount['items']
  readonly history: ContentCount['history']
  readonly sessions: ContentCount['sessions']
  readonly audit: ContentCount['audit']
  readonly other: ContentCount['other']
  readonly depth: number
  /** The largest ones. */
  readonly prefixes: ReturnType<ContentCount['prefixes']>
  /** Prefixes beyond those. */
  readonly more: number
}

export interface CountWanted {
  readonly prefix: string
  readonly depth: number
  readonly top: number
  readonly timeMs: number
  /** Called after each page. */
  onProgress?(records: number): void
}

/** Page by page, so that the node serves meanwhile. It counts what is stored while it goes on: no one revision. */
export async function countContent(
  admin: Pick<AdminClient, 'spaceKeys'>,
  { endpoint, node }: { readonly endpoint: string; readonly node: string },
  wanted: CountWanted,
): Promise<ContentView> {
  const prefix = Buffer.from(wanted.prefix, 'utf8')
  const count = new ContentCount(prefix.length, wanted.depth)
  const deadline = performance.now() + wanted.timeMs
  let after: string | null = null
  do {
    const page = await admin.spaceKeys(endpoint, { prefix, depth: Math.max(1, count.depth), after })
    count.add(page)
    after = page.next
    wanted.onProgress?.(count.records)
  } while (after !== null && performance.now() < deadline)
  return viewOf(count, wanted, node, after === null)
}

export function viewOf(
  count: ContentCount,
  { prefix, top }: Pick<CountWanted, 'prefix' | 'top'>,
  node: string,
  complete: boolean,
): ContentView {
  const { records, revision, items, history, sessions, audit, other, depth } = count
  const prefixes = count.prefixes()
  return {
    ...{ prefix, node, revision, complete, records, items, history, sessions, audit, other, depth },
    prefixes: prefixes.slice(0, top),
    more: Math.max(0, prefixes.length - top),
  }
}
