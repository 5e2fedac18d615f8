import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadNodeConfig } from './config.ts'
import { limitSettings, nodeSettings } from './config-table.ts'
import { shownConfig } from './shown-config.ts'

test('every setting is shown as it is in force, and secrets are not', () => {
  const settings = { name: 'n1', dataDir: '/d', clusterToken: 'hush-hush', bootstrapMembers: 'n1=127.0.0.1:7701' }
  const config = loadNodeConfig({ settings, set: ['limits.keyBytesMax=99'], file: undefined }, {}, '/')
  const shown = shownConfig(config).settings
  assert.deepEqual(Object.keys(shown), [
    ...Object.keys(nodeSettings),
    ...Object.keys(limitSettings).map((key) => `limits.${key}`),
  ])
  assert.deepEqual(
    [shown['name'], shown['limits.keyBytesMax'], shown['advertiseClient'], shown['clusterToken']],
    ['n1', 99, null, '(hidden)'],
  )
  assert.doesNotMatch(JSON.stringify(shown), /hush/)
})
