import { scan } from '../../src/cli/scan.ts'
import type { PaxosClient } from '../../src/client/client.ts'
import type { KeyValue } from '../../src/client/key-value.ts'

/** Everything that a cluster says of its keys. */
export async function contentOf(client: PaxosClient, revision?: number): Promise<string[]> {
  const lines: string[] = []
  for await (const page of scan<KeyValue>(client, revision === undefined ? {} : { revision })) {
    for (const { key, value, createRevision, modRevision, version } of page.items) {
      const [keyText, valueText] = [key, value].map((bytes) => Buffer.from(bytes).toString('base64'))
      lines.push(`${keyText} ${valueText} ${createRevision} ${modRevision} ${version}`)
    }
  }
  return lines
}
