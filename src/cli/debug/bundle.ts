import { PaxosError } from '../../base/error.ts'
import { memberNamePattern } from '../../base/member-bounds.ts'
import type { StatusJson } from '../../wire/api-types.ts'
import { leaderOf, type MemberFacts } from '../doctor/cluster-facts.ts'
import { collectCluster, type FactSource } from '../doctor/collect.ts'
import { judge } from '../doctor/examine-cluster.ts'
import { type DoctorReport, renderReport, reportOf } from '../doctor/report.ts'
import { FileList } from './file-list.ts'
import type { TarFile } from './tar.ts'

/** What of AdminClient is asked. */
export interface BundleSource extends FactSource {
  status(endpoint: string): Promise<StatusJson>
  /** What a node answers at a path, up to a number of bytes. */
  text(
    endpoint: string,
    path: string,
    options: { readonly bytesMax: number; readonly signal: AbortSignal },
  ): Promise<{ readonly text: string; readonly isWhole: boolean }>
}

export interface BundleLimits {
  /** Of everything, before it is compressed. */
  readonly bytesMax: number
  /** For everything; what is not there by then is left out. */
  readonly signal: AbortSignal
}

export interface BundleContents {
  /** Null of a directory whose identity cannot be read. */
  readonly clusterId: string | null
  readonly members: readonly { readonly name: string; readonly answered: boolean }[]
  readonly files: readonly TarFile[]
  /** What is missing and why, one sentence each. */
  readonly missing: readonly string[]
  readonly doctor: DoctorReport
}

/** What each member is asked, and where it goes. No keys and no values are in any of it. */
const questions: readonly (readonly [file: string, path: string])[] = [
  ['status.json', '/v1/status'],
  ['diagnosis.json', '/v1/diagnosis'],
  ['space.json', '/v1/space'],
  ['config.json', '/v1/config'],
  ['ready.json', '/readyz'],
  ['metrics.txt', '/metrics'],
  ['log-lines.ndjson', '/v1/log-lines'],
]

/** One answer. The largest, the log lines, are a quarter of this. */
const answerBytesMax = 1024 * 1024

/** Asks whoever can be reached. Throws PaxosError CANNOT_CONNECT when nobody can, TIMEOUT when it is not known in time. */
export async function collectBundle(
  source: BundleSource,
  endpoints: readonly string[],
  limits: BundleLimits,
): Promise<BundleContents> {
  const facts = await within(limits.signal, collectCluster(source, endpoints))
  const doctor = reportOf(judge(facts), [])
  const files = new FileList(limits.bytesMax)
  files.addJson('doctor.json', doctor)
  files.add('doctor.txt', `${renderReport(doctor)}\n`)
  if (facts.gaps !== undefined) files.addJson('gaps.json', facts.gaps)
  files.addJson('members.json', { leader: leaderOf(facts)?.name ?? null, members: facts.members.map(memberJson) })
  const answers = await Promise.all(facts.members.map((member) => answersOf(source, member, limits.signal)))
  for (const [at, { name }] of facts.members.entries()) {
    const folder = folderOf(name, at)
    for (const { file, text, problem } of answers[at] ?? []) {
      if (text !== undefined) files.add(`nodes/${folder}/${file}`, text)
      if (problem !== undefined) files.missing.push(`${folder}: ${file}: ${problem}`)
    }
  }
  return {
    clusterId: facts.clusterId,
    members: facts.members.map(({ name, status }) => ({ name, answered: status !== undefined })),
    files: files.files,
    missing: files.missing,
    doctor,
  }
}

function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const over = new Promise<never>((_, reject) => {
    const fail = (): void =>
      reject(
        new PaxosError('TIMEOUT', 'The members did not answer in time; nothing was collected', {
          hint: 'Give a shorter --timeout for each question, or a longer --max-time.',
        }),
      )
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
  return Promise.race([work, over])
}

/** Names come from whoever answered: they must not lead out of the archive, nor fall on each other. */
export function folderOf(name: string, at: number): string {
  return memberNamePattern.test(name) ? `${at + 1}-${name}` : String(at + 1)
}

interface Answer {
  readonly file: string
  readonly text?: string
  readonly problem?: string
}

/** One after the other, so that a struggling node gets one more request at a time and no more. */
async function answersOf(source: BundleSource, member: MemberFacts, signal: AbortSignal): Promise<readonly Answer[]> {
  const { endpoint, status, failure } = member
  if (status === undefined || endpoint === undefined) return [{ file: 'everything', problem: failure ?? 'no answer' }]
  const answers: Answer[] = []
  for (const [file, path] of questions) {
    try {
      const { text, isWhole } = await source.text(endpoint, path, { bytesMax: answerBytesMax, signal })
      answers.push({ file, text, ...(!isWhole && { problem: `cut off at ${answerBytesMax} bytes` }) })
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
      answers.push({ file, problem: signal.aborted ? 'the time was over' : error.message })
    }
  }
  return answers
}

/** The member in short: where it was asked, and why not. */
function memberJson({ name, endpoint, failure, clock }: MemberFacts): object {
  return { name, endpoint: endpoint ?? null, failure: failure ?? null, clock: clock ?? null }
}
