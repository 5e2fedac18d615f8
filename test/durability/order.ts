/**
 * The laws that are checked:
 * - an acknowledgement of a write may begin only after the O_DSYNC write of its record to acceptor.journal ended.
 * - what the journal is relied on for no more, once the node has stopped, is in acceptor.mdb: pages that hold it were written,
 *   then fdatasync of that file returned 0, then the O_DSYNC write of its meta page returned.
 */
import { FrameDecoder } from '../../src/wire/frame.ts'
import { peerFrame } from '../../src/wire/hello.ts'
import { decodePeer } from '../../src/wire/peer-codec.ts'
import { bytesOf, type Call, descriptorOf, targetOf } from './trace.ts'

export interface Acknowledgement {
  /** Bytes that appear in the data of this write only. */
  readonly marker: string
  /** Where in the trace the acknowledgement began to leave. */
  readonly begin: number
}

const fileWrites = new Set(['pwrite64', 'pwritev', 'writev'])
const socketWrites = new Set(['write', 'writev', 'sendto', 'sendmsg'])

/** What is wrong with the acknowledgements, in words; empty when the trace keeps the law. */
export function journalProblems(calls: readonly Call[], acknowledgements: readonly Acknowledgement[]): string[] {
  const { synced, onFile, problems } = fileIn(calls, 'acceptor.journal')
  for (const { marker, begin } of acknowledgements) {
    const record = onFile.find((call) => isWriteOf(call, marker) && call.result === bytesOf(call).length)
    if (record === undefined) problems.push(`${marker}: its record was never written`)
    else if (descriptorOf(record) !== synced) problems.push(`${marker}: its record was written without O_DSYNC`)
    else if (record.end >= begin) problems.push(`${marker}: it was acknowledged before its record was on the disk`)
  }
  return problems
}

/** What is wrong with acceptor.mdb at the end of the trace, which must hold all of these. */
export function folderProblems(calls: readonly Call[], markers: readonly string[]): string[] {
  const { synced, onFile, problems } = fileIn(calls, 'acceptor.mdb')
  if (calls.some((call) => call.name === 'msync')) problems.push('msync was called')
  for (const marker of markers) {
    const problem = folderProblem(onFile, synced, marker)
    if (problem !== undefined) problems.push(`${marker}: ${problem}`)
  }
  return problems
}

function folderProblem(onFile: readonly Call[], synced: number | undefined, marker: string): string | undefined {
  const pages = onFile.find((call) => isWriteOf(call, marker))
  if (pages === undefined) return 'its pages were never written'
  const flush = onFile.find((call) => call.name === 'fdatasync' && call.begin > pages.end && call.result === 0)
  if (flush === undefined) return 'no fdatasync came after its pages'
  const meta = onFile.find(
    (call) => call.name === 'pwrite64' && descriptorOf(call) === synced && call.begin > flush.end && call.result > 0,
  )
  return meta === undefined ? 'no O_DSYNC write of the meta page came after the fdatasync' : undefined
}

/** Calls on a file of the data directory, and the descriptor with which writes to it are durable. */
function fileIn(calls: readonly Call[], name: string) {
  const escaped = [...`/${name}`].map((char) => `\\x${char.charCodeAt(0).toString(16)}`).join('')
  const syncedOpens = calls.filter(
    ({ name: call, args, result }) =>
      call === 'openat' && args.includes(`${escaped}"`) && args.includes('O_DSYNC') && result >= 0,
  )
  const problems: string[] = []
  if (syncedOpens.length !== 1) problems.push(`${name} was opened ${syncedOpens.length} times with O_DSYNC, not once`)
  const onFile = calls.filter((call) => call.name !== 'openat' && targetOf(call).endsWith(`/${name}`))
  return { synced: syncedOpens[0]?.result, onFile, problems }
}

function isWriteOf(call: Call, marker: string): boolean {
  return fileWrites.has(call.name) && bytesOf(call).includes(marker)
}

/** Where the answer 200 to a PUT with this revision began to leave. */
export function answerBegin(calls: readonly Call[], revision: number): number | undefined {
  const wanted = `"revision":${revision},`
  return calls.find((call) => {
    if (!socketWrites.has(call.name) || !targetOf(call).startsWith('socket:')) return false
    const bytes = bytesOf(call)
    return bytes.includes('HTTP/1.1 200 ') && bytes.includes(wanted)
  })?.begin
}

/** Where the frame that says "accepted" for this slot began to leave for the member on `peerPort`. */
export function acceptedBegins(calls: readonly Call[], peerPort: number): ReadonlyMap<number, number> {
  const decoders = new Map<string, FrameDecoder>()
  const begins = new Map<number, number>()
  for (const call of calls) {
    if (!socketWrites.has(call.name) || call.result <= 0) continue
    const socket = targetOf(call)
    const bytes = bytesOf(call).subarray(0, call.result)
    const decoder = decoders.get(socket)
    if (decoder === undefined) {
      // The dialler's first words; its frames follow in calls of their own, after the answer.
      const head = bytes.toString('latin1')
      if (!head.startsWith('GET /v1/peer') || !head.includes(`127.0.0.1:${peerPort}`)) continue
      decoders.set(socket, new FrameDecoder({ payloadBytesMax: 8 * 2 ** 20 }))
      continue
    }
    decoder.push(bytes, (type, payload) => {
      if (type !== peerFrame.message) return
      const { message } = decodePeer(payload)
      if (message.kind !== 'accepted') return
      for (const { from, to } of message.ranges) {
        for (let slot: number = from; slot < to; slot++) if (!begins.has(slot)) begins.set(slot, call.begin)
      }
    })
  }
  return begins
}
