import { formatDuration } from '../base/duration.ts'
import { environmentName, flagName } from './config.ts'
import { formatBytes, type Setting } from './config-setting.ts'
import { limitSettings, nodeSettings } from './config-table.ts'

/** config/node.example.yaml: every setting with what it means. A test keeps the file equal to this. */
export function exampleYaml(): string {
  const lines = [
    '# Configuration of a node. Copy it to paxos.yaml where the node starts, or name it with --config.',
    '# Flags come before the environment (PAXOS_*), which comes before this file, which comes before the defaults.',
    '# A line that begins with "# " and a setting shows the default; required settings are filled in as an example.',
    '',
    'node:',
  ]
  for (const [key, setting] of Object.entries<Setting<unknown>>(nodeSettings))
    lines.push(...yamlLines(key, setting, '  '))
  lines.push(
    '',
    '  # Every queue, batch, frame and window. docs/LIMITS.md says what becomes of the excess.',
    '  limits:',
  )
  for (const [key, setting] of Object.entries(limitSettings)) lines.push(...yamlLines(key, setting, '    '))
  return `${lines.join('\n')}\n`
}

function yamlLines(key: string, setting: Setting<unknown>, indent: string): string[] {
  const names = indent.length === 2 ? ` (${flagName(key)}, ${environmentName(key)})` : ''
  const isShown = setting.fallback !== undefined && !Array.isArray(setting.fallback)
  const value = isShown ? setting.fallback : (setting.example ?? '')
  const line = `${key}: ${shown(setting, value)}`
  return [
    '',
    `${indent}# ${setting.doc}${names}`,
    `${indent}# Wanted: ${setting.wanted}.`,
    setting.required ? indent + line : `${indent}# ${line}`,
  ]
}

/** A value as someone would type it. */
export function shown(setting: Setting<unknown>, value: unknown): string {
  if (typeof value !== 'number') return String(value)
  if (setting.placeholder === 'duration') return formatDuration(value)
  return setting.placeholder === 'size' ? formatBytes(value) : String(value)
}
