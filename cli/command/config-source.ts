// Finds the configuration of a command: the file named by --config or BANDPASS_CONFIG, the environment, the flags.

import { type ConfigSources, readConfig } from '../../server/settings/config.ts'
import { pathOf } from '../../server/settings/setting.ts'
import { type ServerConfig, namedSettings } from '../../server/settings/settings.ts'
import { readNamedText } from '../../server/files/named-file.ts'
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

/** The settings that a command needs which only opens the data folder. */
const folderSettings = ['data', 'masterKeyFile']

/** For commands that only need the data folder and the master key. */
export const dataOptions: readonly Option[] = [
  configOption,
  ...settingOptions.filter((one) => one.name === 'data' || one.name === 'master-key-file'),
]

type Environment = Readonly<Record<string, string | undefined>>

/** The configuration. Throws a ConfigError with every mistake, or a UsageError when the file cannot be read. */
export function configFrom(given: Given, environment: Environment): ServerConfig {
  return readConfig(sourcesOf(given, environment))
}

/** What opens the data folder, and further settings that are named; a mistake in any other is none of this command's. */
export function folderConfigFrom<More extends keyof ServerConfig = never>(
  given: Given,
  environment: Environment,
  ...more: readonly More[]
): Pick<ServerConfig, 'data' | 'masterKeyFile' | More> {
  const needed = namedSettings
    .map((one) => one.path)
    .filter((path) => more.some((name) => path === name || path.startsWith(`${name}.`)))
  return readConfig({ ...sourcesOf(given, environment), only: [...folderSettings, ...needed] })
}

function sourcesOf(given: Given, environment: Environment): ConfigSources {
  const named = environment['BANDPASS_CONFIG']?.trim()
  const path = given.value('config') ?? (named === '' ? undefined : named)
  const known = new Set(namedSettings.map((one) => one.flag))
  const flags = Object.fromEntries(Object.entries(given.all).filter(([name]) => known.has(name)))
  const sources: ConfigSources = { environment, flags: { ...flags, ...given.unknown } }
  return path === undefined ? sources : { ...sources, file: { path, text: readText(path) } }
}

function readText(path: string): string {
  try {
    return readNamedText(pathOf(path) ?? path)
  } catch (error) {
    throw new UsageError(`--config ${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
