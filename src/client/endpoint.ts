import { PaxosError } from '../base/error.ts'

/** Where a node's client API is. */
export type Endpoint =
  | { readonly kind: 'tcp'; readonly url: string; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly url: string; readonly path: string }

const wanted = 'Give http://host:port, or unix:/path/of/the/socket.'

/** Throws PaxosError USAGE. */
export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length)
    if (!path.startsWith('/')) throw problem(text, 'the path of the socket must be absolute')
    return { kind: 'unix', url: text, path }
  }
  const url = URL.parse(text)
  if (url === null) throw problem(text, 'it is not a URL')
  if (url.protocol !== 'http:') throw problem(text, 'only http: and unix: are known')
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw problem(text, 'it has more than a host and a port')
  }
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  // Port 80 is what `http://host` means; URL leaves it out.
  const port = url.port === '' ? 80 : Number(url.port)
  return { kind: 'tcp', url: `http://${url.hostname}:${port}`, host, port }
}

function problem(text: string, why: string): PaxosError {
  return new PaxosError('USAGE', `Endpoint ${JSON.stringify(text)} is not understood: ${why}`, { hint: wanted })
}
