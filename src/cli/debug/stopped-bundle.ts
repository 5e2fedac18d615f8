import { PaxosError } from '../../base/error.ts'
import { directoryFindings } from '../doctor/directory-checks.ts'
import { examineDirectory } from '../doctor/examine-directory.ts'
import { renderReport, reportOf } from '../doctor/report.ts'
import { readStoppedSpace } from '../space/stopped-space.ts'
import { readStoppedChain } from '../stopped-chain.ts'
import { readStoppedGaps } from '../stopped-gaps.ts'
import { readStoppedNode } from '../stopped-node.ts'
import { type BundleContents, type BundleLimits, folderOf } from './bundle.ts'
import { FileList } from './file-list.ts'

/** What a running node says and no directory has. */
const ofProcesses = ['diagnosis.json', 'config.json', 'ready.json', 'metrics.txt', 'log-lines.ndjson']

/**
 * What is in the directory of a stopped node, as far as it can be read; under the same names as of a running one. Changes
 * nothing. Throws PaxosError as `examineDirectory` does. The time is looked at between two parts: one is read to its end.
 */
export async function collectStoppedBundle(path: string, { bytesMax, signal }: BundleLimits): Promise<BundleContents> {
  const { state, ...facts } = await examineDirectory(path)
  // A damaged record is told by its key, which is somebody's data.
  const redacted = { ...facts, state: { ...state, damaged: state.damaged.map(() => '(hidden)') } }
  const { clusterId, name } = facts
  const doctor = reportOf({ clusterId, examined: [facts.path], findings: directoryFindings(redacted) }, [])
  const files = new FileList(bytesMax)
  files.addJson('doctor.json', doctor)
  files.add('doctor.txt', `${renderReport(doctor)}\n`)
  const node = folderOf(name ?? '', 0)
  const folder = `nodes/${node}`
  const { format, uid, files: listing, disk } = facts
  files.addJson(`${folder}/directory.json`, { path: facts.path, format: format ?? null, uid, listing, disk })
  let stopped: ReturnType<typeof readStoppedNode> | undefined
  const readNode = (): ReturnType<typeof readStoppedNode> => {
    stopped ??= readStoppedNode(path)
    return stopped
  }
  const everySlot = { from: undefined, to: undefined }
  const parts: readonly (readonly [file: string, read: () => Promise<unknown>])[] = [
    ['gaps.json', () => readStoppedGaps(path, everySlot)],
    [`${folder}/status.json`, async () => (await readNode()).status],
    [`${folder}/epochs.json`, async () => (await readNode()).epochs],
    [`${folder}/space.json`, async () => (await readStoppedSpace(path, [])).space],
    [`${folder}/chain.json`, () => readStoppedChain(path, everySlot)],
  ]
  for (const [file, read] of parts) {
    try {
      if (signal.aborted) throw new PaxosError('TIMEOUT', 'the time was over')
      files.addJson(file, await read())
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
      files.missing.push(`${file.replace(`${folder}/`, `${node}: `)}: ${error.message}`)
    }
  }
  files.missing.push(`${node}: ${ofProcesses.join(', ')}: the node is stopped, and its directory has none`)
  const members = [{ name: name ?? path, answered: true }]
  return { clusterId, members, files: files.files, missing: files.missing, doctor }
}
