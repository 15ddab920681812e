// Finds the configuration of a command: the file named by --config or BANDPASS_CONFIG, the environment, the flags.

import { readFileSync } from 'node:fs'
import { type ConfigSources, readConfig } from '../server/config.ts'
import { type ServerConfig, namedSettings } from '../server/settings.ts'
import { type Given, type Option, UsageError } from './command.ts'

export const configOption: Option = {
  name: 'config',
  value: 'FILE',
  help: 'JSON file of settings (or BANDPASS_CONFIG)',
}

/** A flag for every setting. */
export const settingOptions: readonly Option[] = namedSettings.map(({ flag, setting }) => ({
  name: flag,
  value: setting.sign,
  help: `${setting.help} [${setting.defaultText}]`,
}))

/** For commands that only need the data folder and the master key. */
export const dataOptions: readonly Option[] = [
  configOption,
  ...settingOptions.filter((one) => one.name === 'data' || one.name === 'master-key-file'),
]

/** The configuration. Throws a ConfigError with every mistake, or a UsageError when the file cannot be read. */
export function configFrom(given: Given, environment: Readonly<Record<string, string | undefined>>): ServerConfig {
  const path = given.value('config') ?? environment['BANDPASS_CONFIG']
  const known = new Set(namedSettings.map((one) => one.flag))
  const flags = Object.fromEntries(Object.entries(given.all).filter(([name]) => known.has(name)))
  const sources: ConfigSources = { environment, flags: { ...flags, ...given.unknown } }
  return readConfig(path === undefined ? sources : { ...sources, file: { path, text: readText(path) } })
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`--config ${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
