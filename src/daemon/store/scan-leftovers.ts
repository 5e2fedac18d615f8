import type { Slot } from '../../protocol/ids.ts'
import { unreadable } from './acceptor-load.ts'
import type { LeftoverRun } from './kept-votes.ts'
import type { LogKeys } from './keys.ts'
import type { RecordTree } from './record-tree.ts'

/** Sizes are only to be about right, and reading every vote would hold up a start: one of so many is looked at. */
const sampleEvery = 16

/** Adds the votes that lie below the truncated watermark. Throws PaxosError DATA_DIR_REFUSED when a key cannot be read. */
export function scanLeftovers(tree: RecordTree, keys: LogKeys, upTo: Slot, run: LeftoverRun): void {
  let open: { readonly slot: Slot; pieces: number; isWhole: boolean } | undefined
  let bytes = 0
  let seen = 0
  const close = (): void => {
    if (open !== undefined) run.add(open.slot, open.pieces * bytes, open.isWhole)
  }
  for (const key of tree.getKeys({ start: keys.votes.start, end: keys.vote(upTo) })) {
    const name = keys.parse(key)
    if (name === undefined) throw unreadable('a key of a vote')
    if (name.slot !== open?.slot) {
      close()
      open = { slot: name.slot, pieces: 1, isWhole: name.piece === 0 }
      if (seen++ % sampleEvery === 0) bytes = tree.get(key)?.length ?? bytes
    } else {
      open.isWhole &&= name.piece === open.pieces
      open.pieces++
      // Of several pieces all but the last are full.
      if (name.piece === 1) bytes = tree.get(keys.vote(name.slot))?.length ?? bytes
    }
  }
  close()
}
