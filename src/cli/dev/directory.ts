import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PaxosError } from '../../base/error.ts'

/** What a development cluster was made with. Its members and ports are part of its identity, so they stay. */
export interface DevPlan {
  readonly format: 1
  readonly nodes: number
  readonly basePort: number
  readonly token: string
  /** It served once: from then on, missing data is lost data. */
  readonly served: boolean
}

export interface DevWishes {
  readonly nodes: number | undefined
  readonly basePort: number | undefined
  readonly fresh: boolean
}

export interface DevDirectory {
  readonly plan: DevPlan
  release(): Promise<void>
}

const planFile = 'dev.json'
const defaults = { nodes: 3, basePort: 7601 }

/** Takes the directory for this process. Throws PaxosError DATA_DIR_REFUSED when it is taken, foreign or half-made. */
export async function takeDevDirectory(path: string, wishes: DevWishes, newToken: () => string): Promise<DevDirectory> {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  // Before the lock, which leaves a file of its own.
  refuseForeign(path)
  const { lockDirectory } = await import('../../daemon/store/directory-lock.ts')
  const lock = await lockDirectory(path).catch((cause: unknown) => {
    if (!(cause instanceof PaxosError) || cause.code !== 'DATA_DIR_REFUSED') throw cause
    throw new PaxosError('DATA_DIR_REFUSED', `Another \`paxos dev\` runs on this directory. ${cause.message}`, {
      cause,
      hint: 'Stop it with Ctrl-C, or start this one with another --data-dir and --base-port.',
    })
  })
  try {
    return { plan: settlePlan(path, wishes, newToken), release: () => lock.release() }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** Throws PaxosError unless a `paxos dev` runs on the directory. */
export async function requireDevRunning(path: string): Promise<void> {
  if (!existsSync(join(path, planFile))) {
    throw new PaxosError('NOT_FOUND', `${path} is not the directory of a \`paxos dev\``, {
      hint: 'Give --dev the --data-dir that `paxos dev` runs with, or use --restart-command.',
    })
  }
  const { lockDirectory } = await import('../../daemon/store/directory-lock.ts')
  const lock = await lockDirectory(path).catch((error: unknown) => {
    if (error instanceof PaxosError && error.code === 'DATA_DIR_REFUSED') return undefined
    throw error
  })
  if (lock === undefined) return
  await lock.release()
  throw new PaxosError('PRECONDITION_FAILED', `No \`paxos dev\` runs on ${path}: a node that ends would stay down`)
}

/** Remembers that the cluster served. */
export function markServed(path: string, plan: DevPlan): void {
  if (!plan.served) writePlan(path, { ...plan, served: true })
}

export function nodeName(index: number): string {
  return `n${index + 1}`
}

function settlePlan(path: string, wishes: DevWishes, newToken: () => string): DevPlan {
  const others = contents(path)
  const isOurs = others.includes(planFile)
  if (wishes.fresh) for (const name of others) rmSync(join(path, name), { recursive: true, force: true })
  if (isOurs && !wishes.fresh) return checkPlan(path, readPlan(path), wishes)
  const plan: DevPlan = {
    format: 1,
    nodes: wishes.nodes ?? defaults.nodes,
    basePort: wishes.basePort ?? defaults.basePort,
    token: newToken(),
    served: false,
  }
  writePlan(path, plan)
  return plan
}

function contents(path: string): string[] {
  return readdirSync(path).filter((name) => !/^lock\./.test(name))
}

function refuseForeign(path: string): void {
  const others = contents(path)
  if (others.length === 0 || others.includes(planFile)) return
  throw refused(`${path} is not empty and was not made by \`paxos dev\`: it holds ${others.slice(0, 3).join(', ')}`, {
    hint: 'Choose another --data-dir. It is not deleted with --fresh either, because nothing says what it is.',
  })
}

function checkPlan(path: string, plan: DevPlan, wishes: DevWishes): DevPlan {
  const again = 'Add --fresh to delete its data and begin anew, or choose another --data-dir.'
  for (const [flag, wanted, made] of [
    ['--nodes', wishes.nodes, plan.nodes],
    ['--base-port', wishes.basePort, plan.basePort],
  ] as const) {
    if (wanted === undefined || wanted === made) continue
    throw refused(`The cluster in ${path} was made with ${flag} ${made}, and this is ${flag} ${wanted}`, {
      hint: again,
    })
  }
  const names = Array.from({ length: plan.nodes }, (_, index) => nodeName(index))
  const missing = names.filter((name) => !existsSync(join(path, name)))
  if (plan.served && missing.length > 0) {
    throw refused(`The data of ${missing.join(', ')} in ${path} is missing: what it voted for is forgotten`, {
      hint: again,
    })
  }
  return plan
}

function readPlan(path: string): DevPlan {
  const damaged = (cause: unknown): PaxosError =>
    refused(`${join(path, planFile)} cannot be read: the directory is half-made`, {
      cause,
      hint: 'Add --fresh to delete it and begin anew.',
    })
  let value: unknown
  try {
    value = JSON.parse(readFileSync(join(path, planFile), 'utf8'))
  } catch (cause) {
    throw damaged(cause)
  }
  if (!isPlan(value)) throw damaged(undefined)
  return value
}

function isPlan(value: unknown): value is DevPlan {
  if (typeof value !== 'object' || value === null) return false
  const fields: Record<string, unknown> = { ...value }
  const { format, nodes, basePort, token, served } = fields
  const isNumeric = Number.isSafeInteger(nodes) && Number.isSafeInteger(basePort)
  return format === 1 && isNumeric && typeof token === 'string' && typeof served === 'boolean'
}

function writePlan(path: string, plan: DevPlan): void {
  const file = join(path, planFile)
  writeFileSync(`${file}.tmp`, `${JSON.stringify(plan, null, 2)}\n`)
  renameSync(`${file}.tmp`, file)
}

function refused(message: string, details: { readonly hint: string; readonly cause?: unknown }): PaxosError {
  return new PaxosError('DATA_DIR_REFUSED', message, details)
}
