import assert from 'node:assert/strict'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { openApiText } from '../../src/daemon/api/openapi.ts'

interface Response {
  readonly $ref?: string
  readonly content?: Record<string, { readonly schema: object }>
}

interface Operation {
  readonly responses: Record<string, Response>
}

interface Document {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { readonly schemas: Record<string, object>; readonly responses: Record<string, Response> }
}

export const document: Document = JSON.parse(openApiText('0.1.0'))

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false, strictTypes: false })
// Where the schemas of an OpenAPI document live; no keyword of JSON Schema.
ajv.addVocabulary(['components'])
ajv.addSchema({ $id: 'openapi', components: document.components })
const validators = new Map<object, ValidateFunction>()
/** `METHOD template status` of every answer that was checked. */
export const checked = new Set<string>()

/** Asserts that the document describes this answer. */
export function checkAnswer(method: string, target: string, status: number, contentType: string, body: Buffer): void {
  const template = templateOf(target.split('?')[0] ?? '')
  const operation = template === undefined ? undefined : document.paths[template]?.[method.toLowerCase()]
  if (operation === undefined) {
    assert.ok(
      status === 404 || status === 405 || status === 503,
      `${method} ${target} is not described, yet answered ${status}`,
    )
    validate(document.components.schemas['Error'] ?? {}, body, `${method} ${target}`)
    return
  }
  const response = resolve(operation.responses[status])
  assert.ok(response !== undefined, `${method} ${template} answers ${status}, which is not described: ${body}`)
  checked.add(`${method} ${template} ${status}`)
  const mediaType = contentType.split(';')[0] ?? ''
  const content = response.content?.[mediaType]
  assert.ok(content !== undefined, `${method} ${template} answers ${status} as "${mediaType}", which is not described`)
  if (mediaType === 'application/json') validate(content.schema, body, `${method} ${template} ${status}`)
  if (mediaType === 'application/x-ndjson') {
    for (const line of body.toString('utf8').split('\n').slice(0, -1)) {
      validate(content.schema, Buffer.from(line), `${method} ${template} ${status}`)
    }
  }
}

function validate(schema: object, body: Buffer, where: string): void {
  let check = validators.get(schema)
  if (check === undefined) {
    check = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components')))
    validators.set(schema, check)
  }
  const valid = check(JSON.parse(body.toString('utf8')))
  assert.ok(valid, `${where}: ${ajv.errorsText(check.errors)} in ${body.subarray(0, 500)}`)
}

function resolve(response: Response | undefined): Response | undefined {
  if (response?.$ref === undefined) return response
  return document.components.responses[response.$ref.split('/').at(-1) ?? '']
}

function templateOf(path: string): string | undefined {
  if (path.startsWith('/v1/kv/')) return '/v1/kv/{key}'
  const session = /^\/v1\/sessions\/[^/]*(\/keepalive)?$/.exec(path)
  if (session !== null) return `/v1/sessions/{id}${session[1] ?? ''}`
  return Object.hasOwn(document.paths, path) ? path : undefined
}
