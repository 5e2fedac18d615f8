import type { DiskJson, FileJson } from '../../wire/api-types.ts'
import { count, printable } from '../output.ts'
import { diskFindings } from './disk-checks.ts'
import type { Finding } from './finding.ts'
import { permissionFindings } from './permission-checks.ts'
import { shellWord } from './shell-word.ts'

/** What was learned of the data directory of a stopped node. */
export interface DirectoryFacts {
  readonly path: string
  /** Null when the identity cannot be read. */
  readonly name: string | null
  readonly clusterId: string | null
  /** Why a node could not start on it. */
  readonly refusal: { readonly message: string; readonly hint: string | undefined } | undefined
  /** Undefined when it cannot be read. */
  readonly format: number | undefined
  readonly formatKnown: number
  /** Owner of the directory. */
  readonly uid: number
  readonly files: readonly FileJson[]
  readonly disk: DiskJson
  /** Below it a node refuses writes, unless it is configured otherwise. */
  readonly freeMinBytes: number
  readonly logs: readonly { readonly epoch: number; readonly votes: number; readonly unknown: readonly number[] }[]
  readonly state: { readonly records: number; readonly damaged: readonly string[] }
}

/** All checks of a stopped node's directory. */
export function directoryFindings(facts: DirectoryFacts): readonly Finding[] {
  const { path, uid, files, disk, freeMinBytes } = facts
  const subject = facts.name ?? path
  return [
    ...refusal(subject, facts),
    ...votes(subject, facts),
    ...state(subject, facts),
    ...diskFindings(subject, disk, freeMinBytes),
    ...permissionFindings({ subject, path, uid, files }),
  ]
}

function refusal(subject: string, { refusal: refused, format, formatKnown }: DirectoryFacts): Finding[] {
  if (format !== undefined && format > formatKnown) {
    return [
      {
        id: 'DIRECTORY_FORMAT',
        severity: 'error',
        subject,
        message: 'A newer version of paxos wrote the directory',
        evidence: `format ${format}; this version knows formats up to ${formatKnown}`,
        fix: 'start the node with the version that wrote it, or a newer one',
      },
    ]
  }
  if (refused === undefined) return []
  return [
    {
      id: 'DIRECTORY_REFUSED',
      severity: 'error',
      subject,
      message: 'A node cannot start on this directory',
      evidence: refused.message,
      fix: refused.hint ?? 'see docs/OPERATIONS.md, "When a data directory is lost"',
    },
  ]
}

function votes(subject: string, { logs }: DirectoryFacts): Finding[] {
  return logs
    .filter(({ unknown }) => unknown.length > 0)
    .map(({ epoch, votes: whole, unknown }) => ({
      id: 'DAMAGED_VOTES',
      severity: 'error',
      subject,
      message: 'Votes are damaged: the node starts, and counts them as unknown',
      evidence: `epoch ${epoch}: ${some(unknown.map(String))} of ${count(whole + unknown.length, 'slot')}`,
      fix: 'look for the failing disk (smartctl -a, dmesg); move the node to another one when the others are healthy',
    }))
}

function state(subject: string, { path, state: { records, damaged } }: DirectoryFacts): Finding[] {
  if (damaged.length === 0) return []
  return [
    {
      id: 'DAMAGED_STATE',
      severity: 'error',
      subject,
      message: 'Records of the machine are damaged: the node stops when it meets one',
      evidence: `${count(damaged.length, 'record')} of ${records}: ${some(damaged.map((key) => printable(key.slice(0, 80))))}`,
      fix: `with the node stopped and the others healthy: rm ${shellWord(`${path}/state.mdb`)} ${shellWord(`${path}/state.mdb-lock`)}; it fetches a snapshot when it starts`,
    },
  ]
}

function some(names: readonly string[], max = 5): string {
  return `${names.slice(0, max).join(', ')}${names.length > max ? ` and ${names.length - max} more` : ''}`
}
