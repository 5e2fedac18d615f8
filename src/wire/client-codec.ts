import { unreachable } from '../base/assert.ts'
import { type ErrorCode, isErrorCode } from '../base/error.ts'
import {
  type CborValue,
  decodeCbor,
  encodeCbor,
  readArray,
  readBytes,
  readKind,
  readOptional,
  readText,
  readTuple,
  readUint,
} from './cbor.ts'
import { encodeFrame } from './frame.ts'
import { badFrame } from './frame-error.ts'

/** The token of the upgrade, and where it is asked for. */
export const clientProtocol = 'paxos-client/1'
export const clientStreamPath = '/v1/stream'

export const clientFrames = { hello: 1, requests: 2, answers: 3, leader: 4, error: 5 } as const

/** What the server takes. A client that goes beyond is disconnected, except for `outstandingMax`, where it waits. */
export interface StreamLimits {
  readonly requestsPerFrameMax: number
  readonly outstandingMax: number
  readonly frameBytesMax: number
}

/** Where the leader is, as far as the server knows. `clientAddress` is `host:port`. */
export interface LeaderHint {
  readonly name: string | undefined
  readonly clientAddress: string | undefined
}

/** The server's first frame. */
export interface StreamHello {
  readonly node: string
  readonly clusterId: string
  readonly leader: LeaderHint
  readonly limits: StreamLimits
}

/** Ids are the client's; answers come in order of completion and name them. */
export type StreamRequest =
  /** `request` is encoded by machine/command-codec. */
  | { readonly kind: 'submit'; readonly id: number; readonly timeoutMs: number; readonly request: Uint8Array }
  /** `query` is encoded by machine/reply-codec. */
  | {
      readonly kind: 'read'
      readonly id: number
      readonly timeoutMs: number
      readonly consistency: Consistency
      readonly query: Uint8Array
    }
  | { readonly kind: 'ping'; readonly id: number }

export type Consistency = 'linearizable' | 'stale'

export type StreamAnswer =
  | { readonly kind: 'replied'; readonly id: number; readonly reply: Uint8Array }
  | { readonly kind: 'answered'; readonly id: number; readonly answer: Uint8Array }
  | { readonly kind: 'failed'; readonly id: number; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'pong'; readonly id: number }

const requestKinds = ['submit', 'read', 'ping'] as const
const answerKinds = ['replied', 'answered', 'failed', 'pong'] as const
const consistencies = ['linearizable', 'stale'] as const
const timeoutMsMax = 3_600_000
const messageLengthMax = 1024

export function encodeHello(hello: StreamHello): Uint8Array {
  const { requestsPerFrameMax, outstandingMax, frameBytesMax } = hello.limits
  return frame(clientFrames.hello, [
    hello.node,
    hello.clusterId,
    encodeLeader(hello.leader),
    [requestsPerFrameMax, outstandingMax, frameBytesMax],
  ])
}

export function decodeHello(payload: Uint8Array): StreamHello {
  const [node, clusterId, leader, limits] = readTuple(decodeCbor(payload), 'hello', 4)
  const [requestsPerFrameMax, outstandingMax, frameBytesMax] = readTuple(limits, 'hello limits', 3)
  return {
    node: readText(node, 'node name', 256),
    clusterId: readText(clusterId, 'cluster id', 256),
    leader: decodeLeader(leader),
    limits: {
      requestsPerFrameMax: readUint(requestsPerFrameMax, 'requests per frame'),
      outstandingMax: readUint(outstandingMax, 'outstanding requests'),
      frameBytesMax: readUint(frameBytesMax, 'frame bytes'),
    },
  }
}

/** Sent when the leader changes. */
export function encodeLeaderNotice(leader: LeaderHint): Uint8Array {
  return frame(clientFrames.leader, encodeLeader(leader))
}

export function decodeLeaderNotice(payload: Uint8Array): LeaderHint {
  return decodeLeader(decodeCbor(payload))
}

/** The server's last frame, before it closes. */
export function encodeStreamError(code: ErrorCode, message: string): Uint8Array {
  return frame(clientFrames.error, [code, message])
}

export function decodeStreamError(payload: Uint8Array): { readonly code: ErrorCode; readonly message: string } {
  const [code, message] = readTuple(decodeCbor(payload), 'error', 2)
  return { code: readCode(code), message: readText(message, 'message', messageLengthMax) }
}

export function encodeRequests(requests: readonly StreamRequest[]): Uint8Array {
  return frame(
    clientFrames.requests,
    requests.map((request): CborValue => {
      const kind = requestKinds.indexOf(request.kind)
      if (request.kind === 'submit') return [request.id, kind, request.timeoutMs, request.request]
      if (request.kind === 'ping') return [request.id, kind]
      return [request.id, kind, request.timeoutMs, consistencies.indexOf(request.consistency), request.query]
    }),
  )
}

/** Throws PaxosError BAD_FRAME when the frame is not what `encodeRequests` makes. */
export function decodeRequests(payload: Uint8Array, requestsMax: number): readonly StreamRequest[] {
  return readArray(decodeCbor(payload), 'requests', requestsMax).map(decodeStreamRequest)
}

function decodeStreamRequest(value: unknown): StreamRequest {
  const items = readArray(value, 'request', 5)
  const id = readUint(items[0], 'request id')
  const kind = readKind(items[1], 'request', requestKinds)
  switch (kind) {
    case 'submit': {
      const [, , timeoutMs, request] = readTuple(items, 'submit', 4)
      return { kind, id, timeoutMs: readTimeout(timeoutMs), request: readBytes(request, 'request bytes') }
    }
    case 'read': {
      const [, , timeoutMs, consistency, query] = readTuple(items, 'read', 5)
      return {
        kind,
        id,
        timeoutMs: readTimeout(timeoutMs),
        consistency: readKind(consistency, 'consistency', consistencies),
        query: readBytes(query, 'query bytes'),
      }
    }
    case 'ping':
      readTuple(items, 'ping', 2)
      return { kind, id }
    default:
      return unreachable(kind)
  }
}

export function encodeAnswers(answers: readonly StreamAnswer[]): Uint8Array {
  return frame(
    clientFrames.answers,
    answers.map((answer): CborValue => {
      const kind = answerKinds.indexOf(answer.kind)
      if (answer.kind === 'replied') return [answer.id, kind, answer.reply]
      if (answer.kind === 'answered') return [answer.id, kind, answer.answer]
      if (answer.kind === 'failed') return [answer.id, kind, answer.code, answer.message.slice(0, messageLengthMax)]
      return [answer.id, kind]
    }),
  )
}

export function decodeAnswers(payload: Uint8Array): readonly StreamAnswer[] {
  return readArray(decodeCbor(payload), 'answers').map(decodeStreamAnswer)
}

function decodeStreamAnswer(value: unknown): StreamAnswer {
  const items = readArray(value, 'answer', 4)
  const id = readUint(items[0], 'answer id')
  const kind = readKind(items[1], 'answer', answerKinds)
  switch (kind) {
    case 'replied':
      return { kind, id, reply: readBytes(readTuple(items, 'reply', 3)[2], 'reply bytes') }
    case 'answered':
      return { kind, id, answer: readBytes(readTuple(items, 'read answer', 3)[2], 'answer bytes') }
    case 'failed': {
      const [, , code, message] = readTuple(items, 'failure', 4)
      return { kind, id, code: readCode(code), message: readText(message, 'message', messageLengthMax) }
    }
    case 'pong':
      readTuple(items, 'pong', 2)
      return { kind, id }
    default:
      return unreachable(kind)
  }
}

function encodeLeader({ name, clientAddress }: LeaderHint): CborValue {
  return [name, clientAddress]
}

function decodeLeader(value: unknown): LeaderHint {
  const [name, clientAddress] = readTuple(value, 'leader', 2)
  return {
    name: readOptional(name, 'leader name', (text, field) => readText(text, field, 256)),
    clientAddress: readOptional(clientAddress, 'leader address', (text, field) => readText(text, field, 512)),
  }
}

function readTimeout(value: unknown): number {
  const timeoutMs = readUint(value, 'timeout', timeoutMsMax)
  if (timeoutMs === 0) throw badFrame('timeout is 0')
  return timeoutMs
}

function readCode(value: unknown): ErrorCode {
  const code = readText(value, 'error code', 64)
  // A newer server may know more codes. What is not known may have been done.
  return isErrorCode(code) ? code : 'INTERNAL'
}

function frame(type: number, value: CborValue): Uint8Array {
  return encodeFrame(type, encodeCbor(value))
}
