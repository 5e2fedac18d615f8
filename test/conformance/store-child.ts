/**
 * A process that writes to a data directory until it is killed, and says on standard output what was acknowledged.
 * Everything it writes follows from counters, so that another process can check it. Usage: store-child.ts DIRECTORY
 */
import { writeSync } from 'node:fs'
import { openDataDirectory } from '../../src/daemon/store/data-directory.ts'
import { toNodeId, toSlot } from '../../src/protocol/ids.ts'
import type { GroupWrite } from '../../src/runtime/ports.ts'
import { ballot, epoch, group, vote } from './acceptor-store.ts'

export const childIdentity = { clusterId: 'crash', nodeId: toNodeId(1), name: 'n1' }

/** Of the vote in `slot`: mostly small, now and then of several pages. */
export function crashPayload(slot: number): Uint8Array {
  const length = slot % 50 === 7 ? 150_000 : slot % 10 === 3 ? 9000 : 100 + (slot % 300)
  return Uint8Array.from({ length }, (_, i) => (slot * 13 + i) & 0xff)
}

/** Keys of generation `n` of the state: each holds the same number, so that a mixture shows. */
export const stateKeys = Array.from({ length: 40 }, (_, i) => `key${i}`)

export interface Acknowledged {
  readonly kind: 'log' | 'state'
  /** Votes below are acknowledged, or generations up to and with it. */
  readonly upTo: number
}

/** How the process ends when the disk refuses a write. */
export const failedExit = 3

const pipelined = 4
const kept = 120

async function run(path: string): Promise<void> {
  const directory = await openDataDirectory({
    path,
    expected: childIdentity,
    onFailure: () => process.exit(failedExit),
  })
  const say = (acknowledged: Acknowledged): void => {
    writeSync(1, `${JSON.stringify(acknowledged)}\n`)
  }
  const loaded = directory.acceptor.load(group, epoch)
  let next = (loaded.votes.at(-1)?.slot ?? loaded.truncatedUpTo - 1) + 1
  const writeLog = (): void => {
    const from = next
    next += 1 + (from % 3)
    const writes = [vote(from, from + 1, crashPayload(from))]
    for (let slot = from + 1; slot < next; slot++) writes.push(vote(slot, slot + 1, crashPayload(slot)))
    const all: GroupWrite[] = writes.map((write) => ({ group, epoch, write }))
    all.push({ group, epoch, write: { kind: 'promise', ballot: ballot(next) } })
    all.push({ group, epoch, write: { kind: 'chosen', upTo: toSlot(from) } })
    if (from > kept) all.push({ group, epoch, write: { kind: 'truncate', upTo: toSlot(from - kept) } })
    const upTo = next
    directory.acceptor.commit(all, (error) => {
      if (error !== undefined) return
      say({ kind: 'log', upTo })
      writeLog()
    })
  }
  for (let i = 0; i < pipelined; i++) writeLog()

  let generation = Number(Buffer.from(directory.state.view.get('key0') ?? Buffer.from('0')).toString())
  const writeState = (): void => {
    const value = Buffer.from(String(++generation))
    const acknowledged = { kind: 'state', upTo: generation } as const
    const done = (error?: Error): void => {
      if (error !== undefined) return
      say(acknowledged)
      writeState()
    }
    if (generation % 5 !== 0) {
      directory.state.commit(new Map(stateKeys.map((key) => [key, value])), done)
      return
    }
    const install = directory.state.install()
    install.put(
      stateKeys.slice(0, 20).map((key) => [key, value]),
      () => {},
    )
    install.put(
      stateKeys.slice(20).map((key) => [key, value]),
      () => {},
    )
    install.finish(done)
  }
  writeState()
}

const path = process.argv[2]
if (import.meta.main && path !== undefined) await run(path)
