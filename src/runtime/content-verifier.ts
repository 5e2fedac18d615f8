import type { ErrorCode } from '../base/error.ts'
import type { NodeId } from '../protocol/ids.ts'
import { ContentComparison, type ContentVerdict } from './content-comparison.ts'
import { type ContentBounds, type ContentReport, contentPage, contentParts } from './content-parts.ts'
import type { RuntimeMessage } from './peer-message.ts'
import { Poll } from './poll.ts'
import type { Clock } from './ports.ts'
import type { ReplicaState } from './state.ts'

type ContentMessage = Extract<RuntimeMessage, { kind: 'content' | 'contentReply' }>

/** One page of keys, compared on all members at one revision. */
export type ContentOutcome =
  | {
      readonly kind: 'compared'
      readonly revision: number
      /** Of this node, in the page. */
      readonly keys: number
      /** Where the next page begins; undefined after the last. */
      readonly next: string | undefined
      readonly verdict: ContentVerdict
    }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }

export interface ContentVerifierHost {
  readonly members: () => readonly NodeId[]
  readonly send: (to: readonly NodeId[], message: RuntimeMessage) => void
}

/**
 * Compares the items themselves, on demand: the chain says what was applied, not what has become of it on the disk since.
 * A page at a time, at a revision of the past, so that neither side stands still for it.
 */
export class ContentVerifier {
  readonly #self: NodeId
  readonly #clock: Clock
  readonly #state: ReplicaState
  readonly #host: ContentVerifierHost
  readonly #poll = new Poll<ContentReport>()

  constructor(self: NodeId, clock: Clock, state: ReplicaState, host: ContentVerifierHost) {
    this.#self = self
    this.#clock = clock
    this.#state = state
    this.#host = host
  }

  compare(revision: number, start: string, roundMs: number, done: (outcome: ContentOutcome) => void): void {
    if (this.#state.isInstalling) {
      done({ kind: 'failed', code: 'OVERLOADED', message: 'A snapshot is being put in place on this node.' })
      return
    }
    const page = contentPage((query) => this.#state.query(query), revision, start)
    if ('kind' in page) {
      done({ kind: 'failed', code: page.code, message: page.message })
      return
    }
    const { items, end } = page
    const keys = items.map(({ key }) => key)
    const comparison = new ContentComparison(this.#host.members(), keys, { start, end })
    const step = (): void => {
      const wanted = comparison.next()
      if (wanted === undefined) {
        done({ kind: 'compared', revision, keys: keys.length, next: end, verdict: comparison.verdict() })
        return
      }
      this.#ask(revision, wanted, comparison.asked, roundMs, (reports) => {
        comparison.add(reports)
        step()
      })
    }
    step()
  }

  onMessage(from: NodeId, message: ContentMessage): void {
    if (message.kind === 'content') {
      const report = this.#report(message.revision, message)
      if (report !== undefined) this.#host.send([from], { kind: 'contentReply', id: message.id, ...report })
      return
    }
    const { id, state, parts } = message
    this.#poll.onAnswer(from, id, { state, parts })
  }

  onTick(now: number): void {
    this.#poll.onTick(now)
  }

  #ask(
    revision: number,
    wanted: ContentBounds,
    nodes: readonly NodeId[],
    roundMs: number,
    done: (reports: ReadonlyMap<NodeId, ContentReport>) => void,
  ): void {
    const own = nodes.includes(this.#self) ? this.#report(revision, wanted) : undefined
    const answers = new Map(own === undefined ? [] : [[this.#self, own]])
    const others = nodes.filter((node) => node !== this.#self)
    const id = this.#poll.ask(answers, answers.size + others.length, this.#clock.now() + roundMs, done)
    if (others.length > 0) this.#host.send(others, { kind: 'content', id, revision, ...wanted })
  }

  #report(revision: number, wanted: ContentBounds): ContentReport | undefined {
    if (this.#state.isInstalling) return undefined
    return contentParts((query) => this.#state.query(query), revision, wanted)
  }
}
