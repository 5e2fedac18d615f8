import { answerBytesMax, itemOverheadBytes } from './bounds.ts'
import type { Item } from './request.ts'

const noValue = new Uint8Array(0)

/** Collects the items of one answer, or of all results of one transaction, within the bytes that an answer may have. */
export class AnswerBudget {
  #bytes = 0

  /**
   * `limit` 0 means no limit. The first item of all is taken whatever its size, so that a reader always gets on; later
   * results of a transaction may be empty with `more` set.
   */
  collect(found: Iterable<Item>, limit: number, keysOnly: boolean): { items: readonly Item[]; more: boolean } {
    const items: Item[] = []
    for (const item of found) {
      const cost = itemOverheadBytes + item.key.length + (keysOnly ? 0 : item.value.length)
      const full = this.#bytes > 0 && this.#bytes + cost > answerBytesMax
      if (full || (limit !== 0 && items.length >= limit)) return { items, more: true }
      this.#bytes += cost
      items.push(keysOnly ? { ...item, value: noValue } : item)
    }
    return { items, more: false }
  }
}
