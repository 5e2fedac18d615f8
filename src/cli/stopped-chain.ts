import { toBinary } from '../base/bytes.ts'
import type { SlotWindow } from './stopped-log.ts'

/** The hash chain in the data directory of a stopped node. */
export interface StoppedChain {
  readonly member: string
  readonly applied: number
  readonly revision: number
  readonly since: number
  /** Where its value is known: at what is applied, and at earlier slots that are kept. */
  readonly chain: readonly { readonly slot: number; readonly chain: string }[]
}

/** Without --from and --to, so many of the last. */
const lastValues = 8

/** Writes nothing; refused while the node runs. */
export async function readStoppedChain(path: string, { from, to }: SlotWindow): Promise<StoppedChain> {
  const { openDataDirectoryReadOnly } = await import('../daemon/store/data-directory.ts')
  const { metaOf } = await import('../machine/records.ts')
  const { chainKey, chainRange, slotOfChain } = await import('../machine/layout.ts')
  const directory = await openDataDirectoryReadOnly({ path })
  try {
    const meta = metaOf(directory.view)
    const { appliedUpTo, revision, chainSince } = meta
    const kept = [...directory.view.range(chainKey(from ?? 0), chainRange.end)].map(([key, value]) => ({
      slot: slotOfChain(key),
      chain: hex(value),
    }))
    const known = kept.filter(({ slot }) => slot > chainSince && slot < appliedUpTo)
    if (appliedUpTo >= chainSince) known.push({ slot: appliedUpTo, chain: hex(meta.chain) })
    const inRange = known.filter(({ slot }) => slot >= (from ?? 0) && slot <= (to ?? appliedUpTo))
    const chain = from === undefined && to === undefined ? inRange.slice(-lastValues) : inRange
    return { member: directory.identity.name, applied: appliedUpTo, revision, since: chainSince, chain }
  } finally {
    await directory.close()
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(toBinary(bytes), 'latin1').toString('hex')
}
