/**
 * Controls: each makes every node of a run lie to its clients, and crash no more than otherwise. A run that finds nothing
 * with one of them planted would find nothing in a product that had that fault. Planted in the compiled modules as they
 * load (hooks/lie.ts).
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Patch } from '../planted/bug.ts'

export interface Lie {
  readonly name: string
  readonly what: string
  /** `file` is below `dist/`. */
  readonly patches: readonly Patch[]
}

/** How far behind its word the disk of `ack-before-flush` is. */
const lateMs = 300

export const lies: readonly Lie[] = [
  {
    name: 'repeats-executed',
    what: 'A repeated session request is executed again, and answered with what that gave',
    patches: [
      {
        file: 'machine/kv-machine.js',
        find: 'const stored = replies.get(seq);',
        replace:
          'if (replies.get(seq) !== undefined) return this.#execute(slot, command); const stored = replies.get(seq);',
      },
    ],
  },
  {
    name: 'ack-before-flush',
    what: `A vote counts as durable ${lateMs} ms before it is written`,
    patches: [
      {
        file: 'daemon/store/lmdb-acceptor-store.js',
        find: 'this.#tree.write(records, (error) => {',
        replace: `
          const isLie = writes.every(({ write }) => write.kind !== 'epoch');
          const told = done;
          if (isLie) { done = () => {}; queueMicrotask(() => told()); }
          const tree = { write: (...call) => setTimeout(() => this.#tree.write(...call), isLie ? ${lateMs} : 0) };
          tree.write(records, (error) => {`,
      },
      {
        // A clean stop is no part of the lie.
        file: 'daemon/store/lmdb-acceptor-store.js',
        find: 'return this.#tree.close();',
        replace: `return new Promise((resolve) => setTimeout(resolve, ${2 * lateMs})).then(() => this.#tree.close());`,
      },
    ],
  },
  {
    name: 'stale-read',
    what: 'A linearizable read is served from whatever the node has applied',
    patches: [
      {
        file: 'runtime/replica.js',
        find: "if (consistency === 'stale')\n",
        replace: "if (consistency !== 'never')\n",
      },
    ],
  },
  {
    name: 'sleep-unnoticed',
    what: 'A machine that slept goes on with the lease that it had; with leases only',
    patches: [
      {
        file: 'runtime/clock-watch.js',
        find: 'return Math.abs(this.#clock.wallNow() - this.#clock.now() - this.#offset) > toleranceMs;',
        replace: 'return false;',
      },
      {
        file: 'runtime/clock-watch.js',
        find: 'const hasJumped = Math.abs(offset - this.#offset) > toleranceMs;',
        replace: 'const hasJumped = false;',
      },
    ],
  },
]

export function findLie(name: string): Lie {
  const found = lies.find((lie) => lie.name === name)
  if (found === undefined) {
    throw new Error(`There is no lie "${name}" to plant; there are ${lies.map((lie) => lie.name).join(', ')}`)
  }
  return found
}

/** For `--import`. */
export function lieHook(name: string): string {
  return `${pathToFileURL(join(import.meta.dirname, 'hooks', 'lie.ts')).href}?name=${findLie(name).name}`
}
