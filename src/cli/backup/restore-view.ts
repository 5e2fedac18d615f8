import type { RestorePlan } from '../../daemon/backup/restore.ts'
import { count, fields, table } from '../output.ts'

const findings = { empty: 'empty', interrupted: 'an interrupted restore, begun anew', done: 'done before' } as const

/** What a restore does or did, for people. */
export function renderRestore(
  { backup, clusterId, meta, members }: RestorePlan,
  files: readonly string[],
  isDryRun: boolean,
): string {
  const { manifest } = backup
  const head = fields([
    ['backup', `${files.join(', ')}, of cluster ${manifest.clusterId}`],
    ['cluster', clusterId],
    ['content', count(manifest.keys, 'key')],
    ...(files.length === 1 ? [] : [['point', `slots below ${manifest.applied}`] as const]),
    ['revision', `${manifest.revision} in the backup, from ${meta.revision + 1} on in the new cluster`],
    ['left out', `${count(manifest.history, 'old value')}, ${count(manifest.sessions, 'session')}`],
  ])
  const rows = table(members, [
    { title: 'MEMBER', value: (member) => member.name },
    { title: 'DIRECTORY', value: (member) => member.directory },
    { title: 'FOUND', value: (member) => findings[member.state] },
  ])
  const all = members[0]?.configured.epoch.members ?? []
  const others = all.map(({ name }) => name).filter((name) => !members.some((member) => member.name === name))
  const rest =
    others.length === 0
      ? ''
      : `\nstill to be restored from the same ${files.length === 1 ? 'file' : 'files'}: ${others.join(', ')}`
  return `${head}\n\n${rows}${rest}\n${isDryRun ? 'nothing was changed' : 'restored'}`
}

export function restoreJson(
  { backup, clusterId, meta, members }: RestorePlan,
  files: readonly string[],
  isDryRun: boolean,
): object {
  return {
    files,
    dryRun: isDryRun,
    clusterId,
    revision: meta.revision,
    backup: backup.manifest,
    members: members.map(({ name, directory, state }) => ({ name, directory, found: state })),
  }
}
