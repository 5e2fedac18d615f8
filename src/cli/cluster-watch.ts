import { PaxosError } from '../base/error.ts'
import { type ClusterView, renderCluster, silentRow, viewCluster } from './cluster-view.ts'
import type { StatusSource } from './member-answers.ts'

/** What `cluster status --watch` prints with --json, one a line. Of the cluster it says nothing until somebody has answered. */
export interface WatchedCluster extends Partial<ClusterView> {
  /** When it was looked at, as an ISO date: a picture that stands still is told from one that shows nothing new. */
  readonly time: string
  /** Since when nobody answers; null while somebody does. */
  readonly silentSince: string | null
  readonly healthy: boolean
  readonly problems: readonly string[]
}

/** Looks at a cluster again and again, and does not end when nobody answers: that is when somebody watches. */
export class ClusterWatch {
  readonly #source: StatusSource
  readonly #endpoints: readonly string[]
  #last: ClusterView | undefined
  #silentSince: string | undefined

  constructor(source: StatusSource, endpoints: readonly string[]) {
    this.#source = source
    this.#endpoints = endpoints
  }

  async look(time = new Date().toISOString()): Promise<WatchedCluster> {
    const known = this.#last?.nodes.flatMap(({ endpoint }) => endpoint ?? []) ?? []
    try {
      this.#last = await viewCluster(this.#source, [...new Set([...this.#endpoints, ...known])])
      this.#silentSince = undefined
      return { time, silentSince: null, ...this.#last }
    } catch (error) {
      if (!(error instanceof PaxosError) || error.code === 'USAGE') throw error
      this.#silentSince ??= time
      const problems = [`nobody answers since ${this.#silentSince}: ${error.message}`]
      return { time, silentSince: this.#silentSince, ...silent(this.#last), healthy: false, problems }
    }
  }
}

/** The members as they were known last, none of which answers. */
function silent(last: ClusterView | undefined): Partial<ClusterView> {
  if (last === undefined) return {}
  return { ...last, leader: null, nodes: last.nodes.map(({ name, endpoint }) => silentRow(name, endpoint)) }
}

export function renderWatched(seen: WatchedCluster): string {
  return `${seen.time}\n${isView(seen) ? renderCluster(seen) : seen.problems.join('; ')}`
}

function isView(seen: WatchedCluster): seen is WatchedCluster & ClusterView {
  return seen.nodes !== undefined
}
