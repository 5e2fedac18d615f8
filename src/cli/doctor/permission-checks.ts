import type { FileJson } from '../../wire/api-types.ts'
import type { Finding } from './finding.ts'
import { shellWord } from './shell-word.ts'

export interface DirectoryFiles {
  readonly subject: string
  readonly path: string
  /** Who should own everything; negative where there are no owners. */
  readonly uid: number
  readonly files: readonly FileJson[]
}

/** What only the owner may open: everything but the lock, which tells a process id to whoever asks. */
const ours = /^(\.|.*\.mdb(-lock)?|identity\.json|acceptor\.journal|paxos\.sock)$/
const writableByOthers = 0o022

/** Modes and owners of a data directory. */
export function permissionFindings({ subject, path, uid, files }: DirectoryFiles): readonly Finding[] {
  if (uid < 0) return []
  const checked = files.filter(({ name }) => ours.test(name))
  const open = checked.filter(({ mode }) => (Number.parseInt(mode, 8) & 0o077) !== 0)
  const foreign = checked.filter((file) => file.uid !== uid)
  return [...openFindings(subject, path, open), ...ownerFindings(subject, path, uid, foreign)]
}

function openFindings(subject: string, path: string, open: readonly FileJson[]): Finding[] {
  if (open.length === 0) return []
  const isWritable = open.some(({ mode }) => (Number.parseInt(mode, 8) & writableByOthers) !== 0)
  const rest = open.filter(({ name }) => name !== '.').map(({ name }) => shellWord(pathOf(path, name)))
  const fixes = [
    ...(open.length > rest.length ? [`chmod 700 ${shellWord(path)}`] : []),
    ...(rest.length > 0 ? [`chmod 600 ${rest.join(' ')}`] : []),
  ]
  return [
    {
      id: 'OPEN_PERMISSIONS',
      severity: isWritable ? 'error' : 'warning',
      subject,
      message: isWritable ? 'Others may change its data' : 'Others may read its data',
      evidence: open.map(({ name, mode }) => `${pathOf(path, name)} ${mode}`).join(', '),
      fix: fixes.join('; '),
    },
  ]
}

function ownerFindings(subject: string, path: string, uid: number, foreign: readonly FileJson[]): Finding[] {
  if (foreign.length === 0) return []
  return [
    {
      id: 'WRONG_OWNER',
      severity: 'warning',
      subject,
      message: 'Some of its files belong to another user, who may keep the node from starting',
      evidence: `${foreign.map((file) => `${pathOf(path, file.name)} of user ${file.uid}`).join(', ')}; wanted: user ${uid}`,
      fix: `chown ${uid} ${foreign.map(({ name }) => shellWord(pathOf(path, name))).join(' ')}`,
    },
  ]
}

function pathOf(path: string, name: string): string {
  return name === '.' ? path : `${path}/${name}`
}
