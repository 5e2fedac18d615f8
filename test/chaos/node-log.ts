import type { NodeProcess } from '../cluster/node-process.ts'

/** What the process that runs, or ran last, has written to its log lately. */
export function linesOf(node: NodeProcess): readonly Record<string, unknown>[] {
  const lines = node.log.split('\n')
  if (!node.running) lines.pop()
  const startedAt = lines.findLastIndex((line) => line.startsWith('(ended: ')) + 1
  return lines.slice(startedAt).flatMap((line) => {
    try {
      return [JSON.parse(line) as Record<string, unknown>]
    } catch {
      return []
    }
  })
}

/** Which incarnation of the node this is, as it says itself once it serves. */
export function incarnationOf(node: NodeProcess): number | undefined {
  const line = linesOf(node).find(({ msg }) => msg === 'serving')
  return typeof line?.['incarnation'] === 'number' ? line['incarnation'] : undefined
}
