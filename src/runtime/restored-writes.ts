import type { Epoch } from '../protocol/epoch.ts'
import { firstGroup, type Slot } from '../protocol/ids.ts'
import type { GroupWrite } from './ports.ts'

/** The log of a member that is restored: it begins at the data's slot, and what is below counts as truncated. */
export function restoredWrites(epoch: Epoch, appliedUpTo: Slot): readonly GroupWrite[] {
  const at = { group: firstGroup, epoch: epoch.number }
  return [
    { ...at, write: { kind: 'chosen', upTo: appliedUpTo } },
    { ...at, write: { kind: 'truncate', upTo: appliedUpTo } },
  ]
}
