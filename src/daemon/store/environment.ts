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
 * Removes a file that is too short for any record: its creation was interrupted before LMDB had written its two meta pages
 * whole, or just after.
 */
export function removeUnborn(path: string, pageSize: number): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size
  if (size === undefined || size > metaPages * pageSize) return
  rmSync(path)
  rmSync(`${path}-lock`, { force: true })
}

const metaPages = 2
/** Offsets in a meta page of lmdb-js 3.5 (struct MDB_page_header, 24 bytes, then struct MDB_meta), in host byte order. */
const meta = { flagsAt: 18, magicAt: 24, versionAt: 28, pageSizeAt: 48, bytes: 52 } as const
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
  const file = openSync(path, 'r')
  try {
    for (let page = 0; page < metaPages; page++) {
      const head = Buffer.alloc(meta.bytes)
      readSync(file, head, 0, meta.bytes, page * pageSize)
      const problem = metaProblem(new DataView(head.buffer, head.byteOffset, meta.bytes), pageSize)
      if (problem !== undefined) throw new Error(problem)
    }
  } finally {
    closeSync(file)
  }
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
