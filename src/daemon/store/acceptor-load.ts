/** Reads what an acceptor has on its disk. Shared by the running store and by the inspection of a stopped node. */
import { BytesError } from '../../base/bytes.ts'
import { PaxosError } from '../../base/error.ts'
import type { Epoch } from '../../protocol/epoch.ts'
import { decodeEpoch } from '../../protocol/epoch-codec.ts'
import { featureHint, featureProblem } from '../../protocol/feature-level.ts'
import { firstSlot, type GroupId, nextSlot, type Slot } from '../../protocol/ids.ts'
import type { SlotEntry, Vote } from '../../protocol/multipaxos/message.ts'
import type { LoadedGroup } from '../../runtime/ports.ts'
import { decodeBallot, decodeVote, slotOf } from './acceptor-codec.ts'
import type { Environment } from './environment.ts'
import { epochBounds, isWellFormedKey, type LogKeys } from './keys.ts'
import { decodeRecord } from './record.ts'
import type { RecordTree } from './record-tree.ts'

export interface ScannedLog {
  readonly loaded: LoadedGroup
  /** Further pieces of each vote that has any. */
  readonly pieces: ReadonlyMap<Slot, number>
}

/** A damaged key may have stood for any slot between its neighbours; past this many the node does not start. */
const doubtfulSlotsMax = 4096

/** Throws PaxosError DATA_DIR_REFUSED when promise or truncated watermark cannot be read. */
export function scanLog(tree: RecordTree, keys: LogKeys): ScannedLog {
  const promised = readOne(tree, keys.promise, decodeBallot, 'promise')
  // A lower value would report deleted votes as "no vote", a higher one would claim data that the machine may lack.
  const truncatedUpTo = readOne(tree, keys.truncated, slotOf, 'truncated watermark') ?? firstSlot
  const { votes, unknown, pieces } = new VoteScan(tree, keys, truncatedUpTo).run()
  const chosenUpTo = readChosen(tree, keys, truncatedUpTo)
  return { loaded: { promised, chosenUpTo, truncatedUpTo, votes, unknown }, pieces }
}

/** Rising numbers. Throws PaxosError DATA_DIR_REFUSED when one cannot be read. */
export function scanEpochs(tree: RecordTree, group: GroupId): readonly Epoch[] {
  const epochs: Epoch[] = []
  for (const { key, value } of tree.getRange({ ...epochBounds(group) })) {
    const body = decodeRecord(key, value)
    if (body === undefined) throw unreadable(`an epoch of group ${group}`)
    const epoch = decodeEpoch(body)
    if (epoch === undefined) {
      const message = `Cannot read an epoch of group ${group} in acceptor.mdb: another version wrote it`
      throw new PaxosError('DATA_DIR_REFUSED', message, {
        hint: 'Run the version of paxos that wrote it, or a newer one.',
      })
    }
    epochs.push(epoch)
  }
  const level = epochs.at(-1)?.featureLevel
  const unable = level === undefined ? undefined : featureProblem(level)
  if (level !== undefined && unable !== undefined) {
    throw new PaxosError('DATA_DIR_REFUSED', `Cannot use this data directory. ${unable}`, { hint: featureHint(level) })
  }
  return epochs
}

/** Undefined when there is none. Throws PaxosError DATA_DIR_REFUSED when it cannot be read. */
export function readOne<T>(
  tree: RecordTree,
  key: Uint8Array,
  decode: (body: Uint8Array) => T,
  what: string,
): T | undefined {
  const record = tree.get(key)
  if (record === undefined) return undefined
  const value = decodeOrUndefined(key, record, decode)
  if (value === undefined) throw unreadable(what)
  return value
}

/**
 * Looks at every key of the tree. A key that is malformed or out of order would hide the records behind it from a search,
 * and a vote that is hidden would be reported as "no vote". Throws PaxosError DATA_DIR_REFUSED.
 */
export function checkTree(tree: Environment): void {
  let previous: Uint8Array | undefined
  let count = 0
  for (const key of tree.getKeys({ start: Uint8Array.of(0) })) {
    const rising = previous === undefined || Buffer.compare(previous, key) < 0
    if (!rising || !isWellFormedKey(key)) throw unreadable(`key ${Buffer.from(key).toString('hex')}`)
    previous = key
    count++
  }
  const stats: { readonly entryCount?: number } = tree.getStats()
  if (stats.entryCount !== count) throw unreadable(`${count} of ${stats.entryCount} records`)
}

/**
 * The chosen watermark is only knowledge, so losing it loses no safety: everything below `truncatedUpTo` is chosen, the
 * votes above it stand for themselves, and the node learns again from the others which of them are chosen.
 */
function readChosen(tree: RecordTree, keys: LogKeys, truncatedUpTo: Slot): Slot {
  const record = tree.get(keys.chosen)
  const stored = record === undefined ? undefined : decodeOrUndefined(keys.chosen, record, slotOf)
  return stored === undefined || stored < truncatedUpTo ? truncatedUpTo : stored
}

/** Goes through the votes of one log in key order, from the truncated watermark on. */
class VoteScan {
  readonly votes: Vote[] = []
  readonly pieces = new Map<Slot, number>()
  readonly #tree: RecordTree
  readonly #keys: LogKeys
  readonly #truncatedUpTo: Slot
  readonly #unknown = new Set<Slot>()
  /** The vote that is being put together. */
  #open: { readonly slot: Slot; readonly pieces: Uint8Array[]; complete: boolean } | undefined
  /** Lower bound of what a damaged key may have stood for; set while the last vote was damaged. */
  #doubtfulFrom: Slot | undefined
  #nextSound: Slot

  constructor(tree: RecordTree, keys: LogKeys, truncatedUpTo: Slot) {
    this.#tree = tree
    this.#keys = keys
    this.#truncatedUpTo = truncatedUpTo
    this.#nextSound = truncatedUpTo
  }

  get unknown(): readonly Slot[] {
    return [...this.#unknown].sort((a, b) => a - b)
  }

  run(): this {
    const range = { start: this.#keys.vote(this.#truncatedUpTo), end: this.#keys.votes.end }
    for (const { key, value } of this.#tree.getRange(range)) {
      const name = this.#keys.parse(key)
      if (name === undefined) throw unreadable('a key of a vote')
      if (this.#open === undefined || this.#open.slot !== name.slot) {
        this.#close()
        this.#open = { slot: name.slot, pieces: [], complete: name.piece === 0 }
      } else if (name.piece !== this.#open.pieces.length) {
        this.#open.complete = false
      }
      this.#open.pieces.push(value)
      if (name.piece > 0) this.pieces.set(name.slot, Math.max(name.piece, this.pieces.get(name.slot) ?? 0))
    }
    this.#close()
    return this
  }

  #close(): void {
    const open = this.#open
    if (open === undefined) return
    const { slot, pieces, complete } = open
    const [first] = pieces
    const record = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces)
    const vote = complete
      ? decodeOrUndefined(this.#keys.vote(slot), record, (body) => decodeVote(slot, body))
      : undefined
    if (vote === undefined) {
      this.#doubtfulFrom ??= this.#nextSound
      this.#unknown.add(slot)
      this.#doubt(slot)
      return
    }
    this.#doubt(slot)
    this.#doubtfulFrom = undefined
    this.#nextSound = nextSlot(slot)
    this.votes.push(vote)
  }

  /** The damage may be in the key, so the record may have been any slot between its sound neighbours. */
  #doubt(upTo: Slot): void {
    if (this.#doubtfulFrom === undefined) return
    if (upTo - this.#doubtfulFrom > doubtfulSlotsMax) throw unreadable('the slot of a damaged vote')
    for (let slot = this.#doubtfulFrom; slot < upTo; slot = nextSlot(slot)) this.#unknown.add(slot)
  }
}

/**
 * Entries of slots that follow each other, from `from` on and below `upTo`, until `bytesMax` is reached. Throws PaxosError
 * STORE_FAILED when one cannot be read.
 */
export function readEntries(tree: RecordTree, keys: LogKeys, from: Slot, upTo: Slot, bytesMax: number): SlotEntry[] {
  const entries: SlotEntry[] = []
  let open: { readonly slot: Slot; readonly pieces: Uint8Array[] } | undefined
  let bytes = 0
  const close = (): void => {
    if (open === undefined) return
    const { slot, pieces } = open
    const vote = decodeOrUndefined(keys.vote(slot), Buffer.concat(pieces), (body) => decodeVote(slot, body))
    if (vote === undefined) {
      throw new PaxosError('STORE_FAILED', `Cannot read slot ${slot} in acceptor.mdb: the record is damaged`, {
        hint: 'Ask another node.',
      })
    }
    entries.push({ slot, entry: vote.entry })
  }
  for (const { key, value } of tree.getRange({ start: keys.vote(from), end: keys.vote(upTo) })) {
    const slot = keys.parse(key)?.slot
    if (slot === undefined) break
    if (slot !== open?.slot) {
      const isNext = slot === (open === undefined ? from : open.slot + 1)
      if (!isNext || bytes >= bytesMax) break
      close()
      open = { slot, pieces: [] }
    }
    open.pieces.push(value)
    bytes += value.length
  }
  close()
  return entries
}

function decodeOrUndefined<T>(key: Uint8Array, record: Uint8Array, decode: (body: Uint8Array) => T): T | undefined {
  const body = decodeRecord(key, record)
  if (body === undefined) return undefined
  try {
    return decode(body)
  } catch (error) {
    // Well summed but not understood is as unreadable as ill summed.
    if (error instanceof BytesError) return undefined
    throw error
  }
}

export function unreadable(what: string): PaxosError {
  return new PaxosError('DATA_DIR_REFUSED', `Cannot read ${what} in acceptor.mdb: the record is damaged`, {
    hint: 'The node may have promised more than it can remember, so it must not vote again. Bring it back under a new id.',
  })
}
