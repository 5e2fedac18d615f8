import { metaKey } from '../../machine/layout.ts'
import { decodeMeta, emptyMeta, type Meta } from '../../machine/records.ts'
import type { StateSnapshot } from '../../runtime/ports.ts'

/** The greatest key below `metaKey` that could be: nothing lies between. */
const before = `${String.fromCharCode(metaKey.charCodeAt(0) - 1)}\xff\xff\xff`

/** Throws PaxosError NOT_FOUND when the snapshot is closed. */
export function snapshotMeta(snapshot: StateSnapshot): Meta {
  const [first] = snapshot.page(before, 1).entries
  return first?.[0] === metaKey ? decodeMeta(first[1]) : emptyMeta
}
