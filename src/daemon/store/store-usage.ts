import type { StoreUsageJson } from '../../wire/api-types.ts'
import type { Environment } from './environment.ts'

interface TreeStats {
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

interface Stats extends TreeStats {
  readonly pageSize: number
  readonly entryCount: number
  readonly lastPageNumber: number
  readonly free: TreeStats
}

const metaPages = 2

/**
 * How much of an LMDB file is in use, at the last commit. From the counts that the file keeps of itself: no page is read.
 * LMDB never gives pages back to the file system; those that are free are used again.
 */
export function usageOf(environment: Environment): StoreUsageJson {
  environment.resetReadTxn()
  const stats = environment.getStats() as Stats
  const used = metaPages + pagesOf(stats) + pagesOf(stats.free)
  const usedBytes = used * stats.pageSize
  const bytes = Math.max(used, stats.lastPageNumber + 1) * stats.pageSize
  return { bytes, usedBytes, freeBytes: bytes - usedBytes, records: stats.entryCount }
}

function pagesOf({ treeBranchPageCount, treeLeafPageCount, overflowPages }: TreeStats): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages
}
