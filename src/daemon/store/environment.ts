import { accessSync, closeSync, constants, openSync, readSync, rmSync, statSync } from 'node:fs'
import { endianness } from 'node:os'
import { type Database, open, type RootDatabase } from 'lmdb'
import { PaxosError } from '../../base/error.ts'

/** An LMDB environment with one tree. */
export type Environment = RootDatabase<Uint8Array, Uint8Array>
export type Tree = Database<Uint8Array, Uint8Array>

export interface EnvironmentOptions {
  /** Fixed when the file is made. 4096 for keys up to 1978 bytes, 8192 for keys up to 4026. */
  readonly pageSize: 4096 | 8192
  readonly readOnly: boolean
  /** What to do about a file that cannot be opened; without it, what to do about lost promises. */
  readonly damagedHint?: string
}

const promisesLost =
  'The file is damaged or not ours. Do not start an old copy of it: it has forgotten promises. Bring the node back under a new id.'

/**
 * Opens or makes the file `path`. Throws PaxosError DATA_DIR_REFUSED.
 *
 * With these settings, what is readable is durable and the promise of a put settles after fdatasync and the O_DSYNC write
 * of the meta page. `overlappingSync`, the library's default, would acknowledge writes that a failed meta write lost, and
 * must never be used on a file once: the two settings disagree about which pages are free.
 */
export function openEnvironment(path: string, { pageSize, readOnly, damagedHint }: EnvironmentOptions): Environment {
  const settings = {
    path,
    noSubdir: true,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
    noSync: false,
    noMetaSync: false,
    mapAsync: false,
    useWritemap: false,
    eventTurnBatching: true,
    // Address space, not memory. LMDB would double a smaller map as it fills, and keep every old one mapped.
    mapSize: 64 * 2 ** 30,
    pageSize,
    maxDbs: 8,
    maxReaders: 32,
    cache: false,
    compression: false,
    permissionsMode: 0o600,
    readOnly,
  } as const
  try {
    checkOpenable(path, pageSize)
    return open<Uint8Array, Uint8Array>(settings)
  } catch (cause) {
    throw new PaxosError('DATA_DIR_REFUSED', `Cannot open ${path}: ${reasonOf(cause)}`, {
      hint: isForbidden(cause) ? 'Check owner and permissions.' : (damagedHint ?? promisesLost),
      cause,
    })
  }
}

function isForbidden(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'EACCES'
}

export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/**
 * True of a file whose creation was interrupted before LMDB had written its two meta pages whole, or just after: no longer
 * than they are, and each, as far as it is there, still zeros or the page of a file without a transaction. One that is as
 * short and says anything else has lost what was in it.
 */
export function isUnborn(path: string, pageSize: number): boolean {
  const size = statSync(path, { throwIfNoEntry: false })?.size
  if (size === undefined || size > metaPages * pageSize) return false
  return readMetaHeads(path, pageSize).every((head) => {
    if (head.every((byte) => byte === 0)) return true
    return head.length === meta.bytes && metaProblem(viewOf(head), pageSize) === undefined && !hasTransaction(head)
  })
}

/** Removes such a file, and says whether there was one. */
export function removeUnborn(path: string, pageSize: number): boolean {
  if (!isUnborn(path, pageSize)) return false
  rmSync(path)
  rmSync(`${path}-lock`, { force: true })
  return true
}

const metaPages = 2
/** Offsets in a meta page of lmdb-js 3.5 (struct MDB_page_header, 24 bytes, then struct MDB_meta), in host byte order. */
const meta = { flagsAt: 18, magicAt: 24, versionAt: 28, pageSizeAt: 48, transactionAt: 152, bytes: 160 } as const
const metaFlag = 0x08
const metaMagic = 0xbeefc0de
const metaVersion = 2

/** Looks before LMDB does: the library frees a structure twice when it cannot open a file, and takes the process down. */
function checkOpenable(path: string, pageSize: number): void {
  for (const file of [path, `${path}-lock`]) {
    if (statSync(file, { throwIfNoEntry: false }) !== undefined) accessSync(file, constants.R_OK | constants.W_OK)
  }
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0) return
  if (size < metaPages * pageSize) throw new Error(`it has ${size} bytes, less than its ${metaPages} first pages`)
  const heads = readMetaHeads(path, pageSize)
  for (const head of heads) {
    const problem = metaProblem(viewOf(head), pageSize)
    if (problem !== undefined) throw new Error(problem)
  }
  if (size === metaPages * pageSize && heads.some(hasTransaction))
    throw new Error('it is cut off after its first pages')
}

/** As much of each as is there. */
function readMetaHeads(path: string, pageSize: number): readonly Buffer[] {
  const file = openSync(path, 'r')
  try {
    return Array.from({ length: metaPages }, (_, page) => {
      const head = Buffer.alloc(meta.bytes)
      return head.subarray(0, readSync(file, head, 0, meta.bytes, page * pageSize))
    })
  } finally {
    closeSync(file)
  }
}

function viewOf(head: Buffer): DataView {
  return new DataView(head.buffer, head.byteOffset, head.length)
}

/** What a transaction writes is behind the meta pages, and durable before its number is in one of them. */
function hasTransaction(head: Buffer): boolean {
  return head.subarray(meta.transactionAt).some((byte) => byte !== 0)
}

function metaProblem(head: DataView, pageSize: number): string | undefined {
  const native = endianness() === 'LE'
  if ((head.getUint16(meta.flagsAt, native) & metaFlag) === 0 || head.getUint32(meta.magicAt, native) !== metaMagic) {
    return 'it is no LMDB file'
  }
  const version = head.getUint32(meta.versionAt, native) & 0xffff
  if (version !== metaVersion) return `it is an LMDB file of version ${version}, not ${metaVersion}`
  const found = head.getUint32(meta.pageSizeAt, native)
  return found === pageSize ? undefined : `it has pages of ${found} bytes, not ${pageSize}`
}
