import { PaxosError } from '../base/error.ts'

/** What the first of the nodes says that can be reached. Throws CANNOT_CONNECT when none can. */
export async function firstAnswer<T>(
  endpoints: readonly string[],
  ask: (endpoint: string) => Promise<T>,
): Promise<{ readonly endpoint: string; readonly answer: T }> {
  const failures: PaxosError[] = []
  for (const endpoint of endpoints) {
    try {
      return { endpoint, answer: await ask(endpoint) }
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
      failures.push(error)
    }
  }
  const [only] = failures
  if (failures.length === 1 && only !== undefined) throw only
  throw new PaxosError('CANNOT_CONNECT', `No node answered: ${failures.map((failure) => failure.message).join('; ')}`, {
    hint: only?.hint,
  })
}
