// Configuration loader. Reads the configuration: defaults < JSON file < environment < flags. Validated whole: every mistake is told at once,
// with where it stands, what was expected, what came and, where it helps, what to do.

import { hubFrameBytesMax, phoneFrameBytesMax } from '../../protocol/limits.ts'
import { isThisMachine } from '../../transport/own-hosts.ts'
import { didYouMean } from '../../base/did-you-mean.ts'
import { isServiceVariable } from './service-variables.ts'
import type { Form } from './setting.ts'
import { type ServerConfig, type SettingTree, isSetting, namedSettings, settings } from './settings.ts'

/** What is given beside the defaults. */
export type ConfigSources = {
  /** The file's name, for messages, and its text. */
  readonly file?: { readonly path: string; readonly text: string }
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** By flag name without dashes; `true` for a flag without a value. */
  readonly flags?: Readonly<Record<string, string | boolean | undefined>>
  /** Paths of the settings that are needed; the others keep their defaults, and what is wrong with them is not judged. All unless given. */
  readonly only?: readonly string[]
}

export type ConfigProblem = {
  /** Path of the setting, or of what is no setting. */
  readonly path: string
  /** Where it was written: a file, a variable, a flag, or `together` for settings that do not fit one another. */
  readonly source: string
  readonly expected: string
  readonly got: string
  readonly hint?: string
}

/** All mistakes of a configuration. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(problemText(problems))
    this.problems = problems
  }
}

/** Variables that are no settings but ours all the same. */
const otherVariables = ['BANDPASS_CONFIG', 'BANDPASS_MASTER_KEY', 'BANDPASS_MASTER_KEY_OLD', 'BANDPASS_DEMO_FILE']

/** The configuration. Throws a ConfigError that lists every mistake. */
export function readConfig(sources: ConfigSources = {}): ServerConfig {
  const problems: ConfigProblem[] = []
  const given = new Map<string, unknown>()
  takeFile(sources.file, given, problems)
  takeEnvironment(sources.environment ?? {}, given, problems)
  takeFlags(sources.flags ?? {}, given, problems)
  const { only } = sources
  if (only !== undefined) for (const path of given.keys()) if (!only.includes(path)) given.delete(path)
  const config = filled(settings, '', given)
  problems.push(...together(config))
  const judged = only === undefined ? problems : problems.filter((one) => concerns(one, only))
  if (judged.length > 0) throw new ConfigError(judged)
  return config
}

/** Whether a mistake is one of these settings, or of a name that was probably meant as one of them; a file that is none concerns all. */
function concerns({ path, hint }: ConfigProblem, only: readonly string[]): boolean {
  if (path === '') return true
  return namedSettings.some(
    (one) =>
      only.includes(one.path) &&
      (path === one.path || [one.path, one.environment, `--${one.flag}`].some((name) => hint === meantHint(name))),
  )
}

function meantHint(name: string): string {
  return `did you mean ${name}?`
}

function takeFile(file: ConfigSources['file'], given: Map<string, unknown>, problems: ConfigProblem[]): void {
  if (file === undefined) return
  let parsed: unknown
  try {
    parsed = JSON.parse(file.text)
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error)
    problems.push({ path: '', source: file.path, expected: 'JSON', got })
    return
  }
  if (isObject(parsed)) takeTree(settings, '', parsed, { file: file.path, given, problems })
  else problems.push({ path: '', source: file.path, expected: 'an object of settings', got: typeof parsed })
}

type Taking = { readonly file: string; readonly given: Map<string, unknown>; readonly problems: ConfigProblem[] }

function takeTree(tree: SettingTree, above: string, from: Readonly<Record<string, unknown>>, taking: Taking): void {
  for (const [name, raw] of Object.entries(from)) {
    const path = above === '' ? name : `${above}.${name}`
    const one = Object.hasOwn(tree, name) ? tree[name] : undefined
    // A key for the file's readers, not for us: JSON has no comments.
    if (name === '$schema' || name === 'comment') continue
    if (one === undefined) taking.problems.push(unknownPath(path, Object.keys(tree), taking.file))
    else if (isSetting(one)) take({ path, raw, form: 'json', source: taking.file }, taking)
    else if (isObject(raw)) takeTree(one, path, raw, taking)
    else {
      const expected = `an object with ${Object.keys(one).join(', ')}`
      taking.problems.push({ path, source: taking.file, expected, got: JSON.stringify(raw) })
    }
  }
}

function unknownPath(path: string, siblings: readonly string[], source: string): ConfigProblem {
  const name = path.split('.').at(-1) ?? path
  const near = didYouMean(name, siblings)
  const elsewhere = namedSettings.find((one) => one.path.endsWith(`.${name}`))?.path
  const meant = near === undefined ? elsewhere : path.slice(0, path.length - name.length) + near
  const hint = meant === undefined ? 'see bandpass serve --help' : meantHint(meant)
  return { path, source, expected: 'a setting', got: `"${path}"`, hint }
}

function takeEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  given: Map<string, unknown>,
  problems: ConfigProblem[],
): void {
  const names = namedSettings.map((one) => one.environment)
  for (const [name, raw] of Object.entries(environment)) {
    if (!name.startsWith('BANDPASS_') || raw === undefined || otherVariables.includes(name)) continue
    // Empty is what a template leaves of a variable that is not set.
    if (raw.trim() === '' || isServiceVariable(name, raw)) continue
    const one = namedSettings.find((named) => named.environment === name)
    if (one === undefined) {
      const near = didYouMean(
        name.slice(9),
        names.map((known) => known.slice(9)),
      )
      const hint = near === undefined ? 'see bandpass serve --help' : meantHint(`BANDPASS_${near}`)
      problems.push({ path: name, source: 'environment', expected: 'a setting', got: name, hint })
    } else take({ path: one.path, raw, form: 'text', source: `environment ${name}` }, { given, problems })
  }
}

function takeFlags(
  flags: Readonly<Record<string, string | boolean | undefined>>,
  given: Map<string, unknown>,
  problems: ConfigProblem[],
): void {
  for (const [flag, raw] of Object.entries(flags)) {
    if (raw === undefined) continue
    const one = namedSettings.find((named) => named.flag === flag)
    if (one === undefined) {
      const near = didYouMean(
        flag,
        namedSettings.map((named) => named.flag),
      )
      const hint = near === undefined ? 'see bandpass serve --help' : meantHint(`--${near}`)
      problems.push({ path: `--${flag}`, source: 'flag', expected: 'a setting', got: `--${flag}`, hint })
    } else take({ path: one.path, raw, form: 'text', source: `flag --${flag}` }, { given, problems })
  }
}

function take(
  from: { readonly path: string; readonly raw: unknown; readonly form: Form; readonly source: string },
  into: { readonly given: Map<string, unknown>; readonly problems: ConfigProblem[] },
): void {
  const { path, form, source } = from
  const raw = form === 'text' && typeof from.raw === 'string' ? from.raw.trim() : from.raw
  const read = namedSettings.find((one) => one.path === path)?.setting.read(raw, form)
  if (read?.type === 'value') into.given.set(path, read.value)
  for (const one of read?.type === 'wrong' ? read.wrong : []) {
    into.problems.push({ ...one, source, path: one.path === '' ? path : `${path}.${one.path}` })
  }
}

/** The tree with what was given, else its defaults. */
function filled(tree: SettingTree, above: string, given: ReadonlyMap<string, unknown>): ServerConfig {
  const values: Record<string, unknown> = {}
  for (const [name, one] of Object.entries(tree)) {
    const path = above === '' ? name : `${above}.${name}`
    if (!isSetting(one)) values[name] = filled(one, path, given)
    else values[name] = given.has(path) ? given.get(path) : one.default
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every leaf is its setting's default or what its `read` gave
  return values as ServerConfig
}

/** What is wrong between settings that are each right. */
function together(config: ServerConfig): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const expect = (isRight: boolean, path: string, expected: string, got: string, hint?: string): void => {
    if (!isRight) problems.push({ path, source: 'together', expected, got, ...(hint === undefined ? {} : { hint }) })
  }
  const { tokens, network, journal, limits, operators } = config
  const hasKeys = tokens.jwksFile !== undefined || tokens.jwksUrl !== undefined
  expect(tokens.jwksFile === undefined || tokens.jwksUrl === undefined, 'tokens.jwksUrl', 'one source of keys', 'both')
  expect(!hasKeys || tokens.issuer !== undefined, 'tokens.issuer', 'the issuer whose keys these are', 'nothing')
  expect(hasKeys || tokens.issuer === undefined, 'tokens.jwksFile', 'keys of the issuer', 'nothing')
  expect(
    hasKeys || tokens.local !== 'off',
    'tokens.local',
    'at least one issuer of tokens',
    'off, and no jwksFile or jwksUrl',
    'nobody could sign in',
  )
  const phoneBurst = network.phone.bytes.burst
  const hubBurst = network.hub.bytes.burst
  expect(
    phoneBurst >= phoneFrameBytesMax,
    'network.phone.bytes.burst',
    `room for a largest message, ${phoneFrameBytesMax}`,
    String(phoneBurst),
  )
  expect(
    hubBurst >= hubFrameBytesMax,
    'network.hub.bytes.burst',
    `room for a largest message, ${hubFrameBytesMax}`,
    String(hubBurst),
  )
  expect(
    journal.segmentBytes % 512 === 0,
    'journal.segmentBytes',
    'a multiple of 512',
    String(journal.segmentBytes),
    `${Math.ceil(journal.segmentBytes / 512) * 512} would do`,
  )
  expect(
    isThisMachine(config.host) || config.hosts.length > 0,
    'hosts',
    'the hosts that phones connect by, for others than this machine may come',
    'nothing',
    'an engine elsewhere could pass on here what a phone signed for it; for example --hosts engine.example',
  )
  const isOnlyHere = isThisMachine(operators.host)
  expect(
    operators.port === 'off' || isOnlyHere || operators.origin?.startsWith('https://') === true,
    'operators.origin',
    'the https:// origin that browsers see, for others than this machine may come',
    operators.origin ?? 'nothing',
    'without TLS before it, anybody on the way could act as an operator',
  )
  const { issuer, clientId, clientSecretFile } = operators.oidc
  const given = [issuer, clientId, clientSecretFile].filter((one) => one !== undefined)
  expect(
    given.length === 0 || given.length === 3,
    'operators.oidc',
    'issuer, clientId and clientSecretFile, or none of them',
    `${given.length} of them`,
  )
  expect(
    operators.sessions.idleMs <= operators.sessions.absoluteMs,
    'operators.sessions.idleMs',
    `at most operators.sessions.absoluteMs, ${operators.sessions.absoluteMs}`,
    String(operators.sessions.idleMs),
  )
  expect(limits.size > 0, 'limits', 'at least one currency', 'none', 'without a table nothing is approved')
  return problems
}

/** The mistakes for people, one to a line. */
function problemText(problems: readonly ConfigProblem[]): string {
  const lines = problems.map(({ path, source, expected, got, hint }) => {
    const where = path === '' ? source : `${path} (${source})`
    return `  ${where}: expected ${expected}, got ${got}${hint === undefined ? '' : ` - ${hint}`}`
  })
  const found = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`
  return [`The configuration has ${found}:`, ...lines].join('\n')
}

function isObject(raw: unknown): raw is Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw)
}
