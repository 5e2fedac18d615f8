/**
 * A disk that fills up: the node runs on a file system with little room, or under a limit of the size of its files where
 * mounting is not allowed. It may refuse writes, and it may stop; afterwards, with room, nothing is lost.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { mkdir, readdir, rm, rmdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Random } from '../../src/base/random.ts'
import type { NodeProcess } from '../cluster/node-process.ts'
import { copyDirectory } from './directory-faults.ts'
import type { FaultLog } from './fault-log.ts'
import type { NodeKeeper } from './node-keeper.ts'

const pageBytes = 4096
const roomBytesMax = 256 * 1024
/** What a stopped node says that has found its disk full: as it runs, or as it starts. */
const stoppedCodes: readonly (number | null)[] = [1, 6]

export class FullDisk {
  readonly #keeper: NodeKeeper
  readonly #random: Random
  readonly #log: FaultLog
  readonly #settings: Readonly<Record<string, string | number>>
  readonly #lastMs: number
  readonly #canMount = canMount()

  /** `settings`: those that every node has. `lastMs`: how long a node runs on a full disk at most. */
  constructor(
    keeper: NodeKeeper,
    settings: Readonly<Record<string, string | number>>,
    random: Random,
    log: FaultLog,
    lastMs: number,
  ) {
    this.#keeper = keeper
    this.#settings = settings
    this.#random = random
    this.#log = log
    this.#lastMs = lastMs
  }

  async fill(): Promise<void> {
    const node = this.#keeper.draw()
    await this.#keeper.kill(node)
    // None at all in some cases: the node must notice as it starts.
    const roomBytes = this.#random.chance(0.2) ? 0 : this.#random.integer(0, roomBytesMax)
    // Without a floor of its own the node goes on until a write fails.
    const floor = this.#random.chance(0.7) ? 0 : undefined
    // Without its data it needs as much room again, and that for a snapshot if the log does not reach back.
    const losesState = this.#random.chance(0.5)
    const details = { kind: this.#canMount ? 'tmpfs' : 'limit', roomBytes, floor, losesState }
    if (this.#canMount) await this.#onSmallDisk(node, roomBytes, floor, losesState, details)
    else await this.#underLimit(node, roomBytes, floor, details)
    this.#keeper.start(node)
  }

  async #onSmallDisk(
    node: NodeProcess,
    roomBytes: number,
    floor: number | undefined,
    losesState: boolean,
    details: object,
  ): Promise<void> {
    const small = `${node.dataDir}.small`
    const usedBytes = await bytesIn(node.dataDir)
    const stateBytes = losesState ? await sizeOf(join(node.dataDir, 'state.mdb')) : 0
    await mkdir(small)
    mount(small, usedBytes + roomBytes)
    try {
      await copyDirectory(node.dataDir, small)
      if (losesState) {
        await rm(join(small, 'state.mdb'), { force: true })
        // Room for half of it, so that it fills up on the way.
        mount(small, usedBytes - Math.ceil(stateBytes / 2) + roomBytes, true)
      }
      await this.#run(node, { ...details, stateBytes }, floor, { dataDir: small })
      await rm(node.dataDir, { recursive: true, force: true })
      await copyDirectory(small, node.dataDir)
    } finally {
      await node.end()
      unmount(small)
      await rmdir(small)
    }
  }

  async #underLimit(node: NodeProcess, roomBytes: number, floor: number | undefined, details: object): Promise<void> {
    const sizes = ['acceptor.mdb', 'state.mdb'].map((name) => sizeOf(join(node.dataDir, name)))
    const largest = Math.max(...(await Promise.all(sizes)))
    const blocks = Math.ceil((largest + roomBytes) / 512)
    // With the signal ignored, a write past the limit fails with EFBIG, as it would with ENOSPC on a full disk.
    const wrapper = ['sh', '-c', `trap '' XFSZ; ulimit -f ${blocks}; exec "$0" "$@"`]
    await this.#run(node, details, floor, { wrapper })
  }

  async #run(
    node: NodeProcess,
    details: object,
    floor: number | undefined,
    changes: { readonly dataDir?: string; readonly wrapper?: readonly string[] },
  ): Promise<void> {
    const settings = floor === undefined ? this.#settings : { ...this.#settings, 'limits.freeSpaceMinBytes': floor }
    this.#keeper.startDoomed(node, { ...changes, settings })
    const exit = await this.#keeper.end(node, this.#lastMs)
    this.#log.note('full-disk', node.name, { ...details, exit: exit ?? 'runs' })
    if (exit === undefined) {
      await this.#keeper.kill(node)
      return
    }
    this.#log.note('full-disk-stop', node.name)
    // As with any failing write, native code sometimes aborts on the way out. It has stopped all the same.
    if (!stoppedCodes.includes(exit.code) && exit.signal === null) {
      this.#log.problem(`${node.name} ended with code ${exit.code} on a full disk`)
    }
  }
}

function canMount(): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'paxos-mount-'))
  try {
    mount(probe, pageBytes)
    unmount(probe)
    return true
  } catch {
    return false
  } finally {
    rmdirSync(probe)
  }
}

function mount(path: string, bytes: number, again = false): void {
  const pages = Math.max(1, Math.ceil(bytes / pageBytes))
  run('mount', ['-t', 'tmpfs', '-o', `${again ? 'remount,' : ''}size=${pages * pageBytes}`, 'tmpfs', path])
}

function unmount(path: string): void {
  run('umount', [path])
}

function run(program: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`)
}

/** What the files take on a file system of pages; the sockets among them take none. */
async function bytesIn(directory: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(directory)) {
    bytes += Math.ceil((await sizeOf(join(directory, name))) / pageBytes) * pageBytes
  }
  return bytes
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}
