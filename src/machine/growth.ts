import type { Command } from './request.ts'

/**
 * True for what may make the data larger for good. A deletion adds history, and takes more than that away when compacted;
 * where it is audited, it also adds to the trail, which is bounded. So are sessions, in number and in time, and without one
 * a client that works in a session could neither delete nor compact.
 */
export function grows(command: Command): boolean {
  if (command.kind === 'put') return true
  if (command.kind === 'txn') return [...command.then, ...command.else].some((operation) => operation.kind === 'put')
  return false
}
