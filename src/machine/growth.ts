import { type Command, maintenanceKey } from './request.ts'

/** What the command line notes takes a few hundred bytes, and some kilobytes with as many members as there can be. */
const maintenanceBytesMax = 16 * 1024

/**
 * True for what may make the data larger for good. A deletion adds history, and takes more than that away when compacted;
 * where it is audited, it also adds to the trail, which is bounded. So are sessions, in number and in time, and without one
 * a client that works in a session could neither delete nor compact.
 *
 * A note of maintenance is one small key, overwritten until it is deleted: without it, no node could be restarted with a
 * higher quota. No decision of the machine depends on this.
 */
export function grows(command: Command): boolean {
  if (command.kind === 'put') return command.key !== maintenanceKey || command.value.length > maintenanceBytesMax
  if (command.kind === 'txn') return [...command.then, ...command.else].some((operation) => operation.kind === 'put')
  return false
}
