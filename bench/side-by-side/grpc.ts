import { connect } from 'node:http2'

/** etcd's KV service, as far as it is measured. Field numbers are those of etcd's rpc.proto. */
export const etcdPaths = { put: '/etcdserverpb.KV/Put', range: '/etcdserverpb.KV/Range' } as const

export function putMessage(key: string, value: Uint8Array): Uint8Array {
  return message(Buffer.concat([field(1, Buffer.from(key)), field(2, value)]))
}

/** Linearizable, as Range is unless `serializable` is set. */
export function rangeMessage(key: string): Uint8Array {
  return message(field(1, Buffer.from(key)))
}

/** gRPC: not compressed, four bytes of length, the message. */
function message(body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}

function field(number: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(bytes.length)]), bytes])
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}

/** One call. Rejects unless grpc-status is 0: h2load only sees that HTTP says 200, which it says of errors as well. */
export function callOnce(url: string, path: string, body: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const session = connect(url)
    session.on('error', reject)
    const call = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const parts: Buffer[] = []
    let status: unknown
    call.on('response', (headers) => {
      status = headers['grpc-status']
    })
    call.on('trailers', (trailers) => {
      status = trailers['grpc-status']
    })
    call.on('data', (part: Buffer) => parts.push(part))
    call.on('error', reject)
    call.on('close', () => {
      session.close()
      if (status === '0') resolve(Buffer.concat(parts))
      else reject(new Error(`${path} at ${url}: grpc-status ${String(status)}`))
    })
    call.end(body)
  })
}
