import { paths } from './openapi-paths.ts'
import { ref, schemas } from './openapi-schemas.ts'

const errorStatuses: Readonly<Record<number, string>> = {
  400: 'The request is wrong, and says where',
  404: 'The key does not exist, or there is nothing at this path',
  405: 'The path does not take this method',
  410: 'The revision is compacted, or the session has expired',
  412: 'The condition does not hold',
  413: 'Larger than the limit',
  429: 'Too much at a time; certainly not done',
  500: 'A fault of the node; may have been done',
  503: 'No leader, no quorum, or stopping; certainly not done',
  507: 'No room for more data; certainly not done. Reads and deletes are served',
  504: 'The outcome is unknown: it may have been done',
}

/** The description of this API, OpenAPI 3.1. */
export function openApiText(version: string): string {
  return JSON.stringify({
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'paxos',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'Any node takes any request. Keys and values are bytes; JSON shows them as text when they are valid UTF-8 and as base64 in a field that ends in 64 when not.',
    },
    paths,
    components: {
      schemas,
      responses: Object.fromEntries(
        Object.entries(errorStatuses).map(([status, description]) => [
          `Error${status}`,
          { description, content: { 'application/json': { schema: ref('Error') } } },
        ]),
      ),
    },
  })
}
