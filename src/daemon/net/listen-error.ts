import { PaxosError } from '../../base/error.ts'

/** Why the peer port cannot be opened. */
export function listenError(host: string, port: number, error: NodeJS.ErrnoException): PaxosError {
  const what = `Cannot listen for peers on ${host}:${port}`
  if (error.code === 'EADDRINUSE') {
    return new PaxosError('PORT_IN_USE', `${what}: port ${port} is in use`, {
      hint: 'Another node may be running; choose another peer port otherwise.',
      cause: error,
    })
  }
  return new PaxosError('BAD_CONFIG', `${what}: ${error.code ?? error.message}`, { cause: error })
}
