/**
 * Runs a scenario: commands in, a transcript of everything that every node did out. Commands, one a line:
 *
 *   cluster nodes=3 [q1= q2= lease= rates=1,0.96 heartbeats machine option=…]   must come first
 *   campaign n1 via n2 n3       time passes for these only, until n1 asks for promises; nothing else is delivered
 *   tick n1 · advance MS · run MS · settle [n1 n2 …]      settle among some leaves the rest on the way
 *   deliver n1->n2 [kind|all] · duplicate n1->n2 kind · drop n1->n2 [kind|all] · drop all
 *   hold n1->n2 [kind] · unhold          what is held stays on the way while others settle
 *   cut n1->n2 · cut n1--n2 · isolate n1 · heal
 *   sync n1 [all] · crash n1 · restart n1 · wipe n1 · corrupt n1 SLOT
 *   propose n1 TEXT · stop n1 · read n1 · open n1 · put n1 KEY VALUE session=1 seq=1 · retire n1 · jump n1
 *   expect …                             see `expectations`
 */
import assert from 'node:assert/strict'
import { toBinary } from '../../src/base/bytes.ts'
import { type NodeId, toNodeId, toSlot } from '../../src/protocol/ids.ts'
import { defaultMultiPaxosOptions } from '../../src/protocol/multipaxos/options.ts'
import { EngineCluster, type Member, type Packet } from './engine-cluster.ts'
import { expectations } from './expectations.ts'
import { formatReply, Machines, openSession, sessionPut } from './machines.ts'

interface Link {
  readonly from: NodeId
  readonly to: NodeId
  readonly kind: string
}

export class Script {
  readonly machines = new Machines()
  /** What broke a rule and was not expected yet. */
  violation: string | undefined
  #cluster: EngineCluster | undefined
  #lines: string[] = []
  readonly #cut = new Set<string>()
  #holds: Link[] = []
  #held: Packet[] = []
  readonly #labels = new Map<string, string>()

  get cluster(): EngineCluster {
    assert.ok(this.#cluster !== undefined, 'a scenario begins with: cluster nodes=…')
    return this.#cluster
  }

  /** The transcript of one command. Throws when the command is wrong or an expectation fails. */
  run(line: string): readonly string[] {
    this.#lines = []
    const [name = '', ...words] = line.split(/\s+/)
    assert.ok(this.violation === undefined || name === 'expect', `before "${line}": ${this.violation}`)
    try {
      this.#run(name, words)
    } catch (error) {
      const isRule = error instanceof Error && (error.name === 'Violation' || error.name === 'AssertionError')
      if (!isRule || error instanceof assert.AssertionError) throw error
      this.violation = error.message
      this.#lines.push(`! ${error.message}`)
    }
    return this.#lines
  }

  node(word: string | undefined): NodeId {
    const match = /^n(\d+)$/.exec(word ?? '')
    assert.ok(match !== null, `not a node: ${word}`)
    return toNodeId(Number(match[1]))
  }

  member(word: string | undefined): Member {
    return this.cluster.member(this.node(word))
  }

  #run(name: string, words: readonly string[]): void {
    const command = this.#commands[name]
    assert.ok(command !== undefined, `unknown command: ${name}`)
    command(words)
  }

  readonly #commands: Readonly<Record<string, (words: readonly string[]) => void>> = {
    cluster: (words) => this.#begin(words),
    campaign: ([node, , ...helpers]) => {
      const others = helpers.map((word) => this.node(word))
      this.#campaign(this.node(node), others)
    },
    tick: ([node]) => this.cluster.tick(this.node(node)),
    advance: ([ms]) => {
      this.cluster.now += Number(ms)
      this.cluster.checkLeases()
    },
    run: ([ms]) => this.cluster.run(Number(ms), (packet) => this.#allows(packet)),
    settle: (words) => {
      if (words.length === 0) this.cluster.settle((packet) => this.#allows(packet))
      else this.#settleAmong(new Set(words.map((word) => this.node(word))))
    },
    deliver: (words) => {
      for (const packet of this.#take(words)) this.cluster.deliver(packet)
    },
    duplicate: (words) => {
      for (const packet of this.#find(words)) this.cluster.deliver(packet)
    },
    drop: (words) => {
      if (words[0] === 'all') this.cluster.network = []
      else this.#take([words[0] ?? '', words[1] ?? 'all'])
    },
    hold: ([link, kind = 'all']) => {
      this.#holds.push(...this.#links(link).map((ends) => ({ ...ends, kind })))
    },
    unhold: () => {
      this.cluster.network.push(...this.#held)
      this.#held = []
      this.#holds = []
    },
    cut: ([link]) => {
      for (const { from, to } of this.#links(link)) this.#cut.add(`${from}>${to}`)
    },
    isolate: ([node]) => {
      const id = this.node(node)
      for (const other of this.cluster.members) {
        if (other.id === id) continue
        this.#cut.add(`${id}>${other.id}`).add(`${other.id}>${id}`)
      }
    },
    heal: () => this.#cut.clear(),
    sync: ([node, all]) => {
      const member = this.member(node)
      assert.ok(member.commits.length > 0, `${node} has nothing to sync`)
      do this.cluster.sync(member.id)
      while (all === 'all' && member.commits.length > 0)
    },
    crash: ([node]) => this.cluster.crash(this.node(node)),
    restart: ([node]) => this.cluster.start(this.node(node)),
    wipe: ([node]) => this.cluster.wipe(this.node(node)),
    corrupt: ([node, slot]) => this.member(node).disk.corrupt(toSlot(Number(slot))),
    propose: ([node, ...text]) => {
      this.cluster.propose(this.node(node), text.join(' '))
    },
    stop: ([node]) => {
      this.cluster.stop(this.node(node))
    },
    open: ([node]) => this.#proposeLabelled(node, openSession(), 'open'),
    put: ([node, key = '', value = '', ...settings]) => {
      const { session, seq } = parseSettings(settings)
      const label = `put ${key}=${value} (session ${session}, seq ${seq})`
      this.#proposeLabelled(node, sessionPut(Number(session), Number(seq), key, value), label)
    },
    read: ([node]) => {
      const read = this.cluster.read(this.node(node))
      this.#lines.unshift(`read ${read}`)
    },
    retire: ([node]) => {
      this.cluster.step(this.node(node), { kind: 'retire' })
      this.cluster.flush(this.node(node))
    },
    jump: ([node]) => this.cluster.step(this.node(node), { kind: 'clockJumped' }),
    expect: ([what = '', ...words]) => {
      const expectation = expectations[what]
      assert.ok(expectation !== undefined, `unknown expectation: ${what}`)
      expectation(this, words)
    },
  }

  #begin(words: readonly string[]): void {
    assert.ok(this.#cluster === undefined, 'a scenario has one cluster')
    const { nodes, q1, q2, lease, rates, ...options } = parseSettings(words.filter((word) => word.includes('=')))
    for (const name of Object.keys(options)) assert.ok(name in defaultMultiPaxosOptions, `unknown setting: ${name}`)
    const numbers = Object.fromEntries(Object.entries(options).map(([name, value]) => [name, Number(value)]))
    const isMachine = words.includes('machine')
    this.#cluster = new EngineCluster(
      {
        nodes: Number(nodes),
        ...(q1 === undefined ? {} : { q1: Number(q1) }),
        ...(q2 === undefined ? {} : { q2: Number(q2) }),
        leaseMs: Number(lease ?? 0),
        clockRates: (rates ?? '').split(',').filter(Boolean).map(Number),
        options: numbers,
        showsHeartbeats: words.includes('heartbeats'),
      },
      {
        log: (line) => this.#lines.push(this.#readable(line)),
        onLearn: (node, slot, entry) => {
          if (!isMachine) return
          for (const reply of this.machines.apply(node, slot, entry)) {
            this.#lines.push(`n${node} replies ${formatReply(reply)}`)
          }
        },
      },
    )
  }

  /** Surveys pass between the candidate and its helpers only; everything else stays where it is. */
  #campaign(candidate: NodeId, helpers: readonly NodeId[]): void {
    for (let steps = 0; steps < 200; steps++) {
      this.cluster.now += 20
      for (const node of [...helpers, candidate]) this.cluster.tick(node)
      for (let surveys = this.#takeSurveys(); surveys.length > 0; surveys = this.#takeSurveys()) {
        for (const packet of surveys) {
          const pair = [packet.from, packet.to]
          const isTheirs = pair.includes(candidate) && helpers.some((node) => pair.includes(node))
          const isOwn = packet.message.kind === 'survey' ? packet.from === candidate : packet.to === candidate
          if (isTheirs && isOwn) this.cluster.deliver(packet)
        }
      }
      if (this.cluster.member(candidate).engine?.status().role === 'candidate') return
    }
    throw new Error(`n${candidate} does not begin an election`)
  }

  #takeSurveys(): Packet[] {
    const isSurvey = ({ message }: Packet): boolean => message.kind === 'survey' || message.kind === 'surveyReply'
    const surveys = this.cluster.network.filter(isSurvey)
    this.cluster.network = this.cluster.network.filter((packet) => !isSurvey(packet))
    return surveys
  }

  #settleAmong(nodes: ReadonlySet<NodeId>): void {
    for (;;) {
      const busy = this.cluster.members.find((member) => nodes.has(member.id) && member.commits.length > 0)
      if (busy !== undefined) {
        this.cluster.sync(busy.id)
        continue
      }
      const index = this.cluster.network.findIndex(({ from, to }) => nodes.has(from) && nodes.has(to))
      const [packet] = index === -1 ? [] : this.cluster.network.splice(index, 1)
      if (packet === undefined) return
      if (this.#allows(packet)) this.cluster.deliver(packet)
    }
  }

  #allows(packet: Packet): boolean {
    if (this.#cut.has(`${packet.from}>${packet.to}`)) return false
    if (!this.#holds.some((hold) => matches(packet, hold))) return true
    this.#held.push(packet)
    return false
  }

  /** The oldest packet of a kind on a link, or all. */
  #find([link, kind = 'any']: readonly string[]): Packet[] {
    const [ends] = this.#links(link)
    assert.ok(ends !== undefined, `not a link: ${link}`)
    const wanted = { ...ends, kind: kind === 'any' ? 'all' : kind }
    const found = this.cluster.network.filter((packet) => matches(packet, wanted))
    assert.ok(found.length > 0, `nothing on the way: ${link} ${kind}`)
    return kind === 'all' ? found : found.slice(0, 1)
  }

  #take(words: readonly string[]): Packet[] {
    const found = this.#find(words)
    this.cluster.network = this.cluster.network.filter((packet) => !found.includes(packet))
    return found
  }

  #links(word: string | undefined): { from: NodeId; to: NodeId }[] {
    const match = /^(n\d+)(->|--)(n\d+)$/.exec(word ?? '')
    assert.ok(match !== null, `not a link: ${word}`)
    const ends = { from: this.node(match[1]), to: this.node(match[3]) }
    return match[2] === '->' ? [ends] : [ends, { from: ends.to, to: ends.from }]
  }

  #proposeLabelled(node: string | undefined, payload: Uint8Array, label: string): void {
    this.#labels.set(toBinary(payload), label)
    this.cluster.propose(this.node(node), payload)
  }

  #readable(line: string): string {
    let text = line
    for (const [binary, label] of this.#labels) text = text.replaceAll(binary, label)
    return text
  }
}

function matches(packet: Packet, { from, to, kind }: Link): boolean {
  return packet.from === from && packet.to === to && (kind === 'all' || packet.message.kind === kind)
}

function parseSettings(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => word.split('=')))
}
