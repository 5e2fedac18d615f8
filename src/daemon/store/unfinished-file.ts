import { join } from 'node:path'

const kinds = ['install', 'copy'] as const

/** Where a file is made that may become the state database. */
export function unfinishedFile(directory: string, kind: (typeof kinds)[number], number: number): string {
  return join(directory, `state-${kind}-${number}.mdb`)
}

const pattern = new RegExp(`^state-(${kinds.join('|')})-\\d+\\.mdb(-lock)?$`)

/** True for a file that did not become the state database. It holds nothing that anyone relies on. */
export function isUnfinishedFile(name: string): boolean {
  return pattern.test(name)
}
