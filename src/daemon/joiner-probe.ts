/** Looks a new node up at its peer address before it is let in: a slip in an address is found before it costs anything. */

/** Answered on the peer port of a node that waits to be let in. */
export const joinPath = '/v1/join'

export interface JoinerJson {
  readonly waiting: true
  readonly name: string
  readonly version: string
}

const answerWithinMs = 3000

/** What is wrong with it, as a sentence; undefined when it waits there under this name. */
export async function joinerProblem(name: string, peerAddress: string): Promise<string | undefined> {
  let status: number
  let found: unknown
  try {
    const response = await fetch(`http://${peerAddress}${joinPath}`, { signal: AbortSignal.timeout(answerWithinMs) })
    status = response.status
    found = await response.json()
  } catch (error) {
    return `${name} cannot be reached at ${peerAddress}: ${reasonOf(error)}.`
  }
  const { waiting, name: answered } = (found ?? {}) as Partial<Record<keyof JoinerJson, unknown>>
  if (status === 426)
    return `${name} at ${peerAddress} runs in a cluster already; a new member starts with an empty directory.`
  if (status !== 200 || waiting !== true) return `What answers at ${peerAddress} is no node that waits to be let in.`
  return answered === name ? undefined : `The node that waits at ${peerAddress} is named ${answered}, not ${name}.`
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'no answer in time'
  const { cause } = error
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.message
}
