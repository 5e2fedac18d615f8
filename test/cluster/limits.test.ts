import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { defaultApiLimits } from '../../src/daemon/api/context.ts'
import { limitSettings, nodeSettings } from '../../src/daemon/config-table.ts'
import { defaultPeerLimits } from '../../src/daemon/net/peer-limits.ts'
import * as bounds from '../../src/machine/bounds.ts'
import { defaultRequestLimits } from '../../src/machine/limits.ts'
import { defaultMultiPaxosOptions } from '../../src/protocol/multipaxos/options.ts'
import { defaultReplicaOptions } from '../../src/runtime/options.ts'

/** Bounds whose setting has another name. */
const renamed: Readonly<Record<string, string>> = {
  connectionsMax: 'clientConnectionsMax',
  queueBytesMax: 'peerQueueBytesMax',
}

test('every limit of a node is named in docs/LIMITS.md', async () => {
  const document = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'LIMITS.md'), 'utf8')
  const tables = {
    limitSettings,
    defaultApiLimits,
    defaultPeerLimits,
    defaultRequestLimits,
    defaultMultiPaxosOptions,
    defaultReplicaOptions,
    bounds,
  }
  const missing = Object.entries(tables).flatMap(([table, limits]) =>
    Object.keys(limits)
      .filter((key) => !Object.hasOwn(nodeSettings, key))
      .filter((key) => !document.includes(`\`${key}\``) && !document.includes(`\`${renamed[key]}\``))
      .map((key) => `${table}.${key}`),
  )
  assert.deepEqual(missing, [])
})
