import type { ConfigJson } from '../wire/api-types.ts'
import type { Setting } from './config-setting.ts'
import { limitSettings, type NodeConfig, nodeSettings } from './config-table.ts'

/** Every setting by its full name, as it is in force; secrets are hidden. */
export function shownConfig({ limits, ...node }: NodeConfig): ConfigJson {
  const shown = (prefix: string, settings: object, values: object): [string, unknown][] =>
    Object.entries<Setting<unknown>>({ ...settings }).map(([key, setting]) => {
      const value = Object.entries(values).find(([name]) => name === key)?.[1] ?? null
      return [`${prefix}${key}`, setting.secret === true && value !== null ? '(hidden)' : value]
    })
  return {
    settings: Object.fromEntries([...shown('', nodeSettings, node), ...shown('limits.', limitSettings, limits)]),
  }
}
