import { dirname, resolve } from 'node:path'
import { cosmiconfigSync } from 'cosmiconfig'
import { configSearchPlaces, configSections } from '../base/config-places.ts'
import { PaxosError } from '../base/error.ts'
import { nearest } from '../base/nearest.ts'
import { auditWritesBytesMax } from '../machine/bounds.ts'
import {
  type Address,
  formatBytes,
  isLoopback,
  isWildcard,
  parseAddress,
  type Setting,
  type Settings,
} from './config-setting.ts'
import { limitSettings, type NodeConfig, type NodeLimits, nodeSettings } from './config-table.ts'

export interface ConfigFlags {
  /** By the name of the setting: `dataDir`, not `data-dir`. */
  readonly settings: Readonly<Record<string, string | undefined>>
  /** `key=value`, for any setting: `limits.pipelineSlotsMax=16`. */
  readonly set: readonly string[]
  /** This file instead of searching. */
  readonly file: string | undefined
}

/** A value that someone gave, and the words that lead back to it. */
interface Given {
  readonly raw: unknown
  readonly origin: string
  /** Relative paths in it are relative to this. */
  readonly base: string
}

type Section = 'node' | 'limits'

/** The settings by their full names: `name`, `limits.keyBytesMax`. */
const keys: ReadonlySet<string> = new Set([
  ...Object.keys(nodeSettings),
  ...Object.keys(limitSettings).map((key) => `limits.${key}`),
])

/**
 * Flags before environment (`PAXOS_*`) before file before defaults. Throws PaxosError BAD_CONFIG with one line for each
 * thing that is wrong: where it was given, its key, what it is and what was wanted.
 */
export function loadNodeConfig(flags: ConfigFlags, env: NodeJS.ProcessEnv, cwd: string): NodeConfig {
  const problems: string[] = []
  const given = new Map<string, Given>()
  const file = readFile(flags.file, cwd, given, problems)
  readEnvironment(env, cwd, given, problems)
  readFlags(flags, cwd, given, problems)
  const node = readSection<Omit<NodeConfig, 'limits'>>('node', nodeSettings, given, problems)
  const limits = readSection<NodeLimits>('limits', limitSettings, given, problems)
  if (problems.length > 0) throw badConfig(problems, file)
  const pathOf = (key: string, path: string): string => resolve(given.get(key)?.base ?? cwd, path)
  const backupDir = node.backupDir === undefined ? undefined : pathOf('backupDir', node.backupDir)
  const config = { ...node, dataDir: pathOf('dataDir', node.dataDir), backupDir, limits }
  problems.push(...contradictions(config))
  if (problems.length > 0) throw badConfig(problems, file)
  return config
}

/** `PAXOS_LIMITS_KEY_BYTES_MAX` for `limits.keyBytesMax`. */
export function environmentName(key: string): string {
  return `PAXOS_${key.replace('.', '_').replace(/[A-Z]/g, '_$&').toUpperCase()}`
}

function badConfig(problems: readonly string[], file: string | undefined): PaxosError {
  const message =
    problems.length === 1
      ? `Bad configuration: ${problems[0]}`
      : `Bad configuration:\n${problems.map((problem) => `  ${problem}`).join('\n')}`
  const hint =
    file === undefined
      ? 'Run `paxos node start --help` for all settings, or see config/node.example.yaml for a documented file.'
      : `Correct ${file}; config/node.example.yaml documents every setting.`
  return new PaxosError('BAD_CONFIG', message, { hint })
}

/** Returns the path of the file that was used. */
function readFile(
  wanted: string | undefined,
  cwd: string,
  given: Map<string, Given>,
  problems: string[],
): string | undefined {
  const explorer = cosmiconfigSync('paxos', { searchPlaces: [...configSearchPlaces], searchStrategy: 'none' })
  let found: ReturnType<typeof explorer.load>
  try {
    found = wanted === undefined ? explorer.search(cwd) : explorer.load(resolve(cwd, wanted))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PaxosError('BAD_CONFIG', `Cannot read the configuration file${wanted ? ` ${wanted}` : ''}: ${reason}`, {
      hint: 'Give a readable YAML or JSON file; config/node.example.yaml is one.',
      cause,
    })
  }
  if (found === null || found.isEmpty === true) return undefined
  const path = found.filepath
  const take = (section: Section, prefix: string, values: unknown): void => {
    if (values === undefined || values === null) return
    if (!isRecord(values)) {
      problems.push(`${path}: "${prefix}" must hold keys and values`)
      return
    }
    for (const [key, raw] of Object.entries(values)) {
      if (section === 'node' && key === 'limits') take('limits', 'node.limits', raw)
      else addKnown(section === 'node' ? key : `limits.${key}`, { raw, origin: `${path}: node.`, base: dirname(path) })
    }
  }
  const addKnown = (key: string, value: Given): void => {
    if (keys.has(key)) given.set(key, { ...value, origin: `${value.origin}${key}` })
    else problems.push(unknownKey(`${value.origin}${key}`, key, keys))
  }
  const top: unknown = found.config
  if (!isRecord(top)) throw badConfig([`${path} must hold keys and values, such as a section "node"`], path)
  for (const key of Object.keys(top)) {
    if (configSections.includes(key)) continue
    problems.push(
      keys.has(key)
        ? `${path}: "${key}" belongs in the section "node"`
        : unknownKey(`${path}: ${key}`, key, configSections),
    )
  }
  take('node', 'node', top['node'])
  return path
}

function readEnvironment(env: NodeJS.ProcessEnv, cwd: string, given: Map<string, Given>, problems: string[]): void {
  const names = new Map([...keys].map((key) => [environmentName(key), key]))
  for (const [name, raw] of Object.entries(env)) {
    if (!name.startsWith('PAXOS_') || raw === undefined || raw === '') continue
    const key = names.get(name)
    if (key !== undefined) {
      given.set(key, { raw, origin: name, base: cwd })
      continue
    }
    // Only what looks like a slip is refused: container platforms add variables named after a service, too.
    const meant = nearest(name, names.keys()) ?? asLimit(name, names)
    if (meant !== undefined) problems.push(`${name} in the environment is not a setting; did you mean ${meant}?`)
  }
}

/** `PAXOS_LIMITS_KEY_BYTES_MAX` for `PAXOS_KEY_BYTES_MAX`: the section is easily left out. */
function asLimit(name: string, names: ReadonlyMap<string, string>): string | undefined {
  const full = name.replace('PAXOS_', 'PAXOS_LIMITS_')
  return names.has(full) ? full : undefined
}

function readFlags(flags: ConfigFlags, cwd: string, given: Map<string, Given>, problems: string[]): void {
  for (const entry of flags.set) {
    const at = entry.indexOf('=')
    const key = at < 0 ? entry : entry.slice(0, at)
    if (!keys.has(key)) problems.push(unknownKey(`--set ${key}`, key, keys))
    else if (at < 0) problems.push(`--set ${key} has no value; write --set ${key}=VALUE`)
    else given.set(key, { raw: entry.slice(at + 1), origin: `--set ${key}`, base: cwd })
  }
  for (const [key, raw] of Object.entries(flags.settings)) {
    if (raw !== undefined) given.set(key, { raw, origin: flagName(key), base: cwd })
  }
}

/** `--data-dir` for `dataDir`. */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

function readSection<C>(section: Section, settings: Settings<C>, given: Map<string, Given>, problems: string[]): C {
  const values: Record<string, unknown> = {}
  for (const [key, of] of Object.entries<Setting<unknown>>(settings)) {
    const fullKey = section === 'node' ? key : `limits.${key}`
    const value = given.get(fullKey)
    values[key] = value === undefined ? of.fallback : of.read(value.raw)
    if (value !== undefined && values[key] === undefined) {
      problems.push(`${value.origin} is ${JSON.stringify(value.raw)}, which is not ${of.wanted}`)
    } else if (value === undefined && of.unless !== undefined && given.has(of.unless.key)) {
      values[key] = of.unless.without
    } else if (value === undefined && of.required) {
      problems.push(`${key} is missing: give ${flagName(key)}, ${environmentName(fullKey)} or node.${key} in a file`)
    }
  }
  // Every key of C has a setting (the type of `settings`), and every setting was read just now.
  return values as C
}

/** Settings that are right alone but not together. */
function contradictions(config: NodeConfig): string[] {
  const problems: string[] = []
  const wanted = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem)
  }
  const { limits } = config
  for (const key of ['listenClient', 'listenPeer'] as const) {
    wanted(
      config.insecure || isLoopback(hostOf(config[key])),
      `${key} is ${config[key]}, which others can reach, and nothing encrypts or authenticates; ` +
        `add ${flagName('insecure')} if that is meant`,
    )
  }
  wanted(
    !isWildcard(hostOf(config.listenClient)) || config.advertiseClient !== undefined,
    `listenClient is ${config.listenClient}, which no client can dial; set advertiseClient to what they should use`,
  )
  wanted(
    config.join.length === 0 || config.bootstrapMembers.length === 0,
    'join and bootstrapMembers exclude each other: a node either begins a cluster with others, or is let into one',
  )
  wanted(
    config.electionTimeoutMs >= 3 * config.heartbeatMs,
    `electionTimeoutMs is ${config.electionTimeoutMs}, less than three heartbeats of ${config.heartbeatMs} ms`,
  )
  wanted(
    config.tickMs <= config.heartbeatMs,
    `tickMs is ${config.tickMs}, more than a heartbeat of ${config.heartbeatMs} ms`,
  )
  wanted(
    limits.valueBytesMax <= limits.requestBytesMax,
    `limits.valueBytesMax is ${limits.valueBytesMax}, more than limits.requestBytesMax, ${limits.requestBytesMax}`,
  )
  // As stored, the trail may take twice what its records have, and nothing that an operator does makes it shorter.
  const quotaMin = 4 * auditWritesBytesMax
  wanted(
    !config.auditWrites || limits.stateBytesMax === 0 || limits.stateBytesMax >= quotaMin,
    `limits.stateBytesMax is ${formatBytes(limits.stateBytesMax)}, too little for auditWrites, whose trail alone takes ` +
      `${formatBytes(auditWritesBytesMax)} and more; it must be ${formatBytes(quotaMin)} at least, or 0 for no quota`,
  )
  return problems
}

function hostOf(value: string): string {
  const parsed: Address | undefined = parseAddress(value)
  return parsed?.host ?? ''
}

function unknownKey(where: string, key: string, candidates: Iterable<string>): string {
  const meant = nearest(key, candidates)
  return `${where} is not a setting${meant === undefined ? '' : `; did you mean ${meant}?`}`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
