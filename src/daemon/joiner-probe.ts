/** Looks a new node up at its peer address before it is let in: a slip in an address is found before it costs anything. */
import { type FeatureLevels, featureProblem } from '../protocol/feature-level.ts'
import { askJson } from './ask-json.ts'

/** Answered on the peer port of a node that waits to be let in. */
export const joinPath = '/v1/join'

export interface JoinerJson {
  readonly waiting: true
  readonly name: string
  readonly version: string
  readonly featureLevels: FeatureLevels
}

const answerWithinMs = 3000

/** What is wrong with it, as a sentence; undefined when it waits there under this name, and understands the epoch's level. */
export async function joinerProblem(
  name: string,
  peerAddress: string,
  featureLevel: number,
): Promise<string | undefined> {
  const found = await askJson(`http://${peerAddress}${joinPath}`, answerWithinMs)
  const isNone = `What answers at ${peerAddress} is no node that waits to be let in`
  if (found.kind === 'silent') return `${name} cannot be reached at ${peerAddress}: ${found.reason}.`
  if (found.kind === 'other') return `${isNone}: ${found.what}.`
  const {
    waiting,
    name: answered,
    version,
    featureLevels,
  } = (found.body ?? {}) as Partial<Record<keyof JoinerJson, unknown>>
  if (found.status === 426)
    return `${name} at ${peerAddress} runs in a cluster already; a new member starts with an empty directory.`
  if (found.status !== 200) return `${isNone}: it sent HTTP ${found.status}.`
  if (waiting !== true) return `${isNone}: it does not say that it waits.`
  if (answered !== name) return `The node that waits at ${peerAddress} is named ${answered}, not ${name}.`
  const unable = featureProblem(featureLevel, readLevels(featureLevels))
  return unable === undefined ? undefined : `${name} runs ${version}: ${unable}.`
}

/** A version that says nothing of them knows the first one. */
function readLevels(value: unknown): FeatureLevels {
  const { min, max }: { min?: unknown; max?: unknown } = typeof value === 'object' && value !== null ? value : {}
  return typeof min === 'number' && typeof max === 'number' ? { min, max } : { min: 1, max: 1 }
}
