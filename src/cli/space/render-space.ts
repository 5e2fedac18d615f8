import type { SpaceJson } from '../../wire/api-types.ts'
import { formatSize } from '../format-size.ts'
import { type Column, count, fields, printable, table, unknown } from '../output.ts'
import { bytesOf, type PrefixCount } from './content-count.ts'
import type { ContentView } from './count-content.ts'
import type { MemberSpace, SpaceView } from './space-view.ts'

export function renderSpace({ clusterId, members, contents }: SpaceView): string {
  return [`cluster ${clusterId}`, renderMembers(members), ...contents.map(renderContent)].join('\n')
}

function renderMembers(members: readonly MemberSpace[]): string {
  const column = (title: string, value: (space: SpaceJson) => string): Column<MemberSpace> => ({
    title,
    align: 'right',
    value: ({ space }) => (space === null ? unknown : value(space)),
  })
  return table(members, [
    { title: 'MEMBER', value: ({ member }) => member },
    column('ACCEPTOR', ({ acceptor }) => formatSize(acceptor.bytes)),
    column('FREE', ({ acceptor }) => formatSize(acceptor.freeBytes)),
    column('LOG', ({ log }) => count(log.slots, 'slot')),
    column('STATE', ({ state }) => formatSize(state.bytes)),
    column('FREE', ({ state }) => formatSize(state.freeBytes)),
    column('GROWTH/H', ({ growthBytesPerHour }) =>
      growthBytesPerHour === null ? unknown : formatSize(growthBytesPerHour),
    ),
    ...(members.some(({ space }) => space !== null && space.quota !== null) ? [column('QUOTA', quotaInWords)] : []),
    column('DISK FREE', ({ disk }) => formatSize(disk.freeBytes)),
    {
      title: 'FULL',
      value: ({ space }) => (space === null ? 'no answer' : fullInWords(space)),
      style: ({ space }) =>
        space === null || space.full?.inMs === 0 ? 'red' : space.full === null ? undefined : 'yellow',
    },
  ])
}

/** `62 % of 1.0 GiB` */
function quotaInWords({ quota }: SpaceJson): string {
  if (quota === null) return 'none'
  return `${Math.round((100 * quota.usedBytes) / quota.maxBytes)} % of ${formatSize(quota.maxBytes)}`
}

function fullInWords({ full, growthBytesPerHour, diskLossBytesPerHour }: SpaceJson): string {
  if (full !== null) return full.inMs === 0 ? `now: ${full.by}` : `in ${formatTime(full.inMs)}: ${full.by}`
  return growthBytesPerHour === null || diskLossBytesPerHour === null ? 'not known yet' : 'not in sight'
}

function formatTime(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (minutes < 120) return count(minutes, 'minute')
  const hours = Math.round(minutes / 60)
  return hours < 48 ? count(hours, 'hour') : count(Math.round(hours / 24), 'day')
}

function renderContent(content: ContentView): string {
  const { prefix, node, revision, complete, records, items, history, sessions, audit, other, prefixes, more } = content
  const what = prefix === '' ? 'content' : `keys that begin with ${printable(prefix)}`
  const upTo = complete ? '' : `; time ran out after ${count(records, 'record')}: what follows is of those alone`
  const bytes = (size: number): string => formatSize(size)
  return [
    '',
    `${what}, on ${node} at about revision ${revision}${upTo}`,
    fields([
      ['live', `${count(items.count, 'key')}, ${bytes(items.bytes)}`],
      ['history', `${count(history.count, 'record')}, ${bytes(history.bytes)}`],
      ...(prefix === ''
        ? ([
            ['sessions', `${count(sessions.count, 'session')}, ${bytes(sessions.bytes)}`],
            ['audit', `${count(audit.count, 'record')}, ${bytes(audit.bytes)}`],
            ['other', bytes(other.bytes)],
          ] as const)
        : []),
    ]),
    ...(prefixes.length === 0 ? [] : [prefixTable(prefixes, items.bytes + history.bytes)]),
    ...(more === 0 ? [] : [`and ${count(more, 'smaller prefix', 'smaller prefixes')}`]),
  ].join('\n')
}

function prefixTable(prefixes: readonly PrefixCount[], total: number): string {
  const share = (bytes: number): string => (total === 0 ? '-' : `${Math.round((100 * bytes) / total)} %`)
  const number = (value: number): string => value.toLocaleString('en-US')
  return table(prefixes, [
    { title: 'PREFIX', value: nameOf },
    { title: 'KEYS', align: 'right', value: ({ items }) => number(items.count) },
    { title: 'LIVE', align: 'right', value: ({ items }) => formatSize(items.bytes) },
    { title: 'RECORDS', align: 'right', value: ({ history }) => number(history.count) },
    { title: 'HISTORY', align: 'right', value: ({ history }) => formatSize(history.bytes) },
    { title: 'SHARE', align: 'right', value: (row) => share(bytesOf(row)) },
  ])
}

function nameOf({ prefix, prefix64 }: PrefixCount): string {
  if (prefix64 !== undefined) return `base64:${prefix64}`
  return prefix === undefined || prefix === '' ? '(no slash)' : prefix
}
