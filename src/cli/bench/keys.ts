import { PaxosError } from '../../base/error.ts'
import type { PaxosClient } from '../../client/client.ts'
import { count } from '../output.ts'
import { Progress } from '../progress.ts'
import { scan } from '../scan.ts'
import { StatusLine } from '../status-line.ts'
import type { KeySpace } from './key-space.ts'

const writesInFlight = 1024
/** Below what one request may delete, and what one answer may hold. */
const deletedAtOnce = 10_000

/** Puts every key once, so that reads find something. */
export async function preload(
  client: Pick<PaxosClient, 'put'>,
  space: KeySpace,
  value: Uint8Array,
  signal: AbortSignal,
  silent: boolean,
): Promise<void> {
  let begun = 0
  let done = 0
  const progress = new Progress({
    verb: 'prepared',
    stream: process.stderr,
    silent,
    state: () => ({ records: done, bad: 0, fraction: done / space.size }),
  })
  const worker = async (): Promise<void> => {
    while (begun < space.size && !signal.aborted) {
      await client.put(space.key(begun++), value)
      done++
    }
  }
  progress.start()
  try {
    await Promise.all(Array.from({ length: Math.min(writesInFlight, space.size) }, worker))
  } finally {
    progress.stop()
  }
}

/** Deletes every key below the prefix, in steps. Returns false, having said so, when the cluster did not do it. */
export async function deleteKeys(
  client: Pick<PaxosClient, 'list' | 'deleteRange'>,
  prefix: string,
  silent: boolean,
): Promise<boolean> {
  let deleted = 0
  const line = new StatusLine({ stream: process.stderr, silent, line: () => `deleted ${count(deleted, 'key')}` })
  line.start()
  try {
    for await (const { items } of scan(client, { prefix: Buffer.from(prefix), keysOnly: true }, deletedAtOnce)) {
      const [first, last] = [items[0], items.at(-1)]
      if (first === undefined || last === undefined) break
      const end = Buffer.concat([last.key, new Uint8Array(1)])
      deleted += (await client.deleteRange({ start: first.key, end })).deleted
    }
    return true
  } catch (error) {
    if (!(error instanceof PaxosError)) throw error
    process.stderr.write(`${error.message}\n${leftovers(prefix)}\n`)
    return false
  } finally {
    line.stop()
  }
}

export function leftovers(prefix: string): string {
  return `Keys below ${prefix} are left. Delete them with: paxos kv delete --prefix ${prefix} --in-steps`
}
