import { resolve } from 'node:path'
import { configSearchPlaces, configSections } from '../base/config-places.ts'
import { PaxosError } from '../base/error.ts'
import { nearest } from '../base/nearest.ts'

export const defaultEndpoint = 'http://127.0.0.1:7601'

export interface ClientConfig {
  readonly endpoints: readonly string[]
  readonly timeoutMs: number
}

export interface ClientFlags {
  readonly endpoints: string | undefined
  readonly timeoutMs: number | undefined
  readonly file: string | undefined
}

const defaultTimeoutMs = 10_000

/** Flags (and their environment) before the configuration file, which comes before the defaults. */
export async function loadClientConfig(flags: ClientFlags, cwd: string): Promise<ClientConfig> {
  // The file is only looked for when it can make a difference: looking costs time at every start.
  const needsFile = flags.file !== undefined || flags.endpoints === undefined
  const file = needsFile ? await readFile(flags.file, cwd) : {}
  const endpoints = flags.endpoints?.split(',') ?? file.endpoints ?? [defaultEndpoint]
  const normal = endpoints.map((endpoint) => normalEndpoint(endpoint.trim(), cwd))
  return { endpoints: normal, timeoutMs: flags.timeoutMs ?? file.timeoutMs ?? defaultTimeoutMs }
}

/** `host:port`, `http://host:port` or `unix:/path/paxos.sock`; a relative path is one from `cwd`. */
export function normalEndpoint(endpoint: string, cwd: string): string {
  if (/^unix:./.test(endpoint)) return `unix:${resolve(cwd, endpoint.slice('unix:'.length))}`
  const match = /^(?:http:\/\/)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+):(\d{1,5})\/?$/i.exec(endpoint)
  if (match !== null && Number(match[2]) >= 1 && Number(match[2]) <= 65535) return `http://${match[1]}:${match[2]}`
  throw new PaxosError('USAGE', `"${endpoint}" is not an endpoint`, {
    hint: 'Write http://HOST:PORT, HOST:PORT or unix:/path/paxos.sock; several are separated by commas.',
  })
}

interface FileConfig {
  readonly endpoints?: readonly string[]
  readonly timeoutMs?: number
}

async function readFile(wanted: string | undefined, cwd: string): Promise<FileConfig> {
  const { cosmiconfig } = await import('cosmiconfig')
  const explorer = cosmiconfig('paxos', { searchPlaces: [...configSearchPlaces], searchStrategy: 'none' })
  let found: Awaited<ReturnType<typeof explorer.load>>
  try {
    found = wanted === undefined ? await explorer.search(cwd) : await explorer.load(wanted)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PaxosError('BAD_CONFIG', `Cannot read the configuration file: ${reason}`, {
      cause,
      hint: 'Mend it, or name another with --config or PAXOS_CONFIG.',
    })
  }
  if (found === null || found.isEmpty === true) return {}
  return readSections(found.filepath, found.config)
}

function readSections(path: string, config: unknown): FileConfig {
  const refuse = (problem: string): never => {
    throw new PaxosError('BAD_CONFIG', `Bad configuration: ${path}: ${problem}`, { hint: `Correct ${path}.` })
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return refuse('must hold keys and values')
  const sections: Record<string, unknown> = { ...config }
  for (const key of Object.keys(sections)) {
    if (configSections.includes(key)) continue
    const meant = nearest(key, configSections)
    refuse(`${key} is not a setting${meant === undefined ? '' : `; did you mean ${meant}?`}`)
  }
  const { endpoints, timeoutMs } = sections
  const list = typeof endpoints === 'string' ? endpoints.split(',') : endpoints
  if (list !== undefined && !isTextList(list)) return refuse('endpoints is not a list of addresses')
  if (timeoutMs !== undefined && !isTimeout(timeoutMs))
    return refuse('timeoutMs is not a whole number from 1 to 86400000')
  return { ...(list !== undefined && { endpoints: list }), ...(timeoutMs !== undefined && { timeoutMs }) }
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')
}

function isTimeout(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= 86_400_000
}
