import { unreachable } from '../../base/assert.ts'
import type { Component } from './components.ts'
import { type Item, isChange } from './history.ts'
import { agree, branches, execute } from './model.ts'
import type { Pending } from './pending.ts'
import { SmallStore } from './store.ts'

/** `full`: revisions count, so that all keys hang together. `blind`: revisions are not looked at, neither in answers. */
export type StatePrecision = 'full' | 'blind'

interface State {
  readonly revision: number
  readonly items: ReadonlyMap<string, Item>
}

const none: readonly number[] = []
const between = '\u0100'

/** The states of one component, numbered in the order of their discovery; equal states have one number. */
export class States {
  readonly #keys: readonly string[]
  readonly #precision: StatePrecision
  readonly #states: State[] = []
  readonly #numbers = new Map<string, number>()
  readonly start: number

  constructor(component: Component, startRevision: number, precision: StatePrecision) {
    this.#keys = component.keys
    this.#precision = precision
    const items = component.startItems.map((item) => [item.key, item] as const)
    this.start = this.#number(precision === 'full' ? startRevision : 0, new Map(items))
  }

  /** The states that `operation` may lead to: none when its output is impossible, two when a comparison is open. */
  step(number: number, { input, output }: Pending): readonly number[] {
    const state = this.#states[number]
    if (state === undefined) return none
    const { revision } = state
    const next = this.#precision === 'full' ? revision + 1 : 0
    const isOpen = input.kind === 'txn' && this.#precision === 'blind'
    const ways = isOpen ? branches(new SmallStore(state.items), input.compare) : oneWay
    const found: number[] = []
    for (const way of ways) {
      const store = new SmallStore(state.items)
      const expected = execute(store, input, revision, next, way)
      if (output !== undefined && !agree(expected, output, this.#precision)) continue
      const reached = isChange(expected) ? this.#number(next, store.items) : number
      if (!found.includes(reached)) found.push(reached)
    }
    return found
  }

  #number(revision: number, items: ReadonlyMap<string, Item>): number {
    const name = this.#name(revision, items)
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    this.#states.push({ revision, items })
    this.#numbers.set(name, this.#states.length - 1)
    return this.#states.length - 1
  }

  #name(revision: number, items: ReadonlyMap<string, Item>): string {
    let name = `${revision}`
    for (const key of this.#keys) {
      const item = items.get(key)
      name += between
      if (item === undefined) continue
      name += `${item.value}${between}${item.version}`
      switch (this.#precision) {
        case 'full':
          name += `${between}${item.createRevision}${between}${item.modRevision}`
          break
        case 'blind':
          break
        default:
          unreachable(this.#precision)
      }
    }
    return name
  }
}

const oneWay: readonly undefined[] = [undefined]
