import { compareStrings } from '../../src/base/order.ts'
import { encodeBatch, encodeRequest } from '../../src/machine/command-codec.ts'
import { KvMachine } from '../../src/machine/kv-machine.ts'
import type { Command, Key, Reply } from '../../src/machine/request.ts'
import type { View } from '../../src/machine/view.ts'
import type { Entry } from '../../src/protocol/entry.ts'
import type { NodeId, Slot } from '../../src/protocol/ids.ts'

/** A view over nothing but a map. */
class MapView implements View {
  readonly #data = new Map<string, Uint8Array>()

  get(key: string): Uint8Array | undefined {
    return this.#data.get(key)
  }

  *range(start: string, end: string | undefined): Generator<readonly [string, Uint8Array]> {
    const keys = [...this.#data.keys()].filter((key) => key >= start && (end === undefined || key < end))
    for (const key of keys.sort(compareStrings)) yield [key, this.#data.get(key) ?? new Uint8Array(0)]
  }

  put(key: string, value: Uint8Array): void {
    this.#data.set(key, value)
  }

  delete(key: string): void {
    this.#data.delete(key)
  }
}

/** One key-value machine for each node, fed with what the node learns. */
export class Machines {
  readonly #machines = new Map<NodeId, KvMachine>()

  of(node: NodeId): KvMachine {
    const machine = this.#machines.get(node) ?? new KvMachine(new MapView())
    this.#machines.set(node, machine)
    return machine
  }

  apply(node: NodeId, slot: Slot, entry: Entry): readonly Reply[] {
    return this.of(node).apply(slot, entry)
  }
}

export function openSession(): Uint8Array {
  return batchOf({ session: undefined, command: { kind: 'openSession', ttlMs: 60_000 } })
}

export function sessionPut(session: number, seq: number, key: string, value: string): Uint8Array {
  const command: Command = {
    kind: 'put',
    key: key as Key,
    value: new TextEncoder().encode(value),
    ifVersion: undefined,
  }
  return batchOf({ session: { id: session, seq, ackedBelow: 0 }, command })
}

export function formatReply(reply: Reply): string {
  if (reply.kind === 'put') return `slot ${reply.slot} revision ${reply.revision} version ${reply.version}`
  if (reply.kind === 'error') return `error ${reply.code}`
  return reply.kind === 'session' ? `session ${reply.id}` : reply.kind
}

function batchOf(request: Parameters<typeof encodeRequest>[0]): Uint8Array {
  return encodeBatch(1000, [encodeRequest(request)])
}
