// docs/operating.md is what an operator copies from: settings, limits and commands must be those of the code.
import { describe, expect, it } from 'vitest'
import { commands } from '../../cli/commands.ts'
import { importRefusals } from '../../engine/operators/import.ts'
import { operatorPaths, operatorRoles } from '../../protocol/operator-api.ts'
import { importBindingsMax, importBytesMax } from '../../protocol/messages/imported-binding.ts'
import { adminPaths } from '../../server/http/admin-answers.ts'
import { metricList } from '../../server/figures/metric-list.ts'
import { readConfig } from '../../server/settings/config.ts'
import { namedSettings } from '../../server/settings/settings.ts'
import { defaultLimits } from '../../transport/limits.ts'
import { alertsPath } from '../ops/ops-files.ts'
import { readText, sourceFiles } from '../tidy/source-files.ts'
import { isThere, quoted, tableOf } from './documents.ts'

const document = 'docs/operating.md'
const text = readText(document)

/** How code says what it logs: to a log, by who ends the process, and in the thread that has no log. */
const logForms: readonly RegExp[] = [
  /\b#?log\(\s*'(?<level>info|warning|error)',\s*'(?<event>[\w.-]+)'/g,
  /\)\('(?<level>info|warning|error)',\s*'(?<event>[\w.-]+)'/g,
  /\bend\('(?<event>[\w.-]+)'\)/g,
  /level: '(?<level>\w+)', event: '(?<event>[\w.-]+)'/g,
]

describe('the settings of docs/operating.md', () => {
  const rows = tableOf(document, ['setting', 'environment', 'default', 'expected', 'what it does'])

  it('stand between their markers', () => {
    const between = /<!-- settings -->\n([\s\S]*?)<!-- \/settings -->/.exec(text)?.[1] ?? ''
    expect(between.split('\n').filter((line) => line.startsWith('| `')).length).toBe(rows.length)
  })

  it('are those of the code, with their names, defaults and bounds', () => {
    const ofCode = namedSettings.map(({ path, environment, setting }) => [
      `\`${path}\``,
      `\`${environment}\``,
      `\`${setting.defaultText}\``,
      setting.expected,
      setting.help,
    ])
    expect(rows).toEqual(ofCode)
  })

  it('show limits that the engine takes as they stand', () => {
    const example = /```json\n([\s\S]*?)```/.exec(text)?.[1] ?? ''
    const config = readConfig({ file: { path: document, text: example } })
    expect([...config.limits.keys()]).toEqual([978])
  })
})

describe("the operators' page of docs/operating.md", () => {
  it('shows a provider that the engine takes as it stands', () => {
    const example = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map((match) => match[1] ?? '')
    const config = readConfig({ file: { path: document, text: example.find((one) => one.includes('"oidc"')) ?? '' } })
    expect([...config.operators.oidc.roles.values()]).toEqual(['operator', 'admin'])
  })

  it('has every role, and where a provider sends people back to', () => {
    const roles = tableOf(document, ['role', 'may']).map(([role = '']) => quoted(role)[0])
    expect(roles).toEqual([...operatorRoles])
    expect(text).toContain(operatorPaths.oidcBack)
  })
})

describe('the admin API of docs/operating.md', () => {
  it('has the paths and methods of the code', () => {
    const rows = tableOf(document, ['method', 'path', 'what it does'])
    const documented = rows.map(([method = '', path = '']) => [quoted(path)[0], quoted(method)[0]])
    expect(Object.fromEntries(documented)).toEqual(adminPaths)
  })

  it('has every reason for which an import refuses a binding, and no other', () => {
    const rows = tableOf(document, ['reason', 'what it means', 'what to do'])
    expect(rows.map(([reason = '']) => quoted(reason)[0])).toEqual(importRefusals)
  })

  it('has the limits of an import', () => {
    expect(text).toContain(`at most ${importBindingsMax.toLocaleString('en')} bindings and 1 MiB`)
    expect(importBytesMax).toBe(1_048_576)
    expect(defaultLimits.bodyBytesMax).toBe(importBytesMax)
  })
})

describe('the log of docs/operating.md', () => {
  it('has every event of the code, with its levels, and no other', () => {
    const rows = tableOf(document, ['event', 'level', 'what it says'])
    const documented = rows.map(([event = '', levels = '']) => [quoted(event)[0], levels])
    const ofCode = new Map<string, string[]>()
    for (const { code, folder, isTest } of sourceFiles) {
      if (isTest || !['server', 'operators', 'cli'].includes(folder)) continue
      for (const form of logForms) {
        for (const { groups } of code.matchAll(form)) {
          const { event = '', level = 'error' } = groups ?? {}
          const levels = ofCode.get(event) ?? []
          if (!levels.includes(level)) ofCode.set(event, [...levels, level])
        }
      }
    }
    const sorted = (list: readonly (readonly (string | undefined)[])[]) => list.map((one) => one.join(': ')).sort()
    const levelsOf = (levels: readonly string[]) =>
      ['info', 'warning', 'error'].filter((one) => levels.includes(one)).join(', ')
    expect(sorted(documented)).toEqual(sorted([...ofCode].map(([event, levels]) => [event, levelsOf(levels)])))
  })
})

describe('the metrics of docs/operating.md', () => {
  it('are those of the code, with their types, labels, units and meanings', () => {
    const rows = tableOf(document, ['metric', 'type', 'labels', 'unit', 'meaning'])
    const ofCode = metricList.map(({ name, type, labels, unit, help }) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(', ') || '—',
      unit,
      help,
    ])
    expect(rows).toEqual(ofCode)
  })

  it('stand between their markers', () => {
    const between = /<!-- metrics -->\n([\s\S]*?)<!-- \/metrics -->/.exec(text)?.[1] ?? ''
    expect(between.split('\n').filter((line) => line.startsWith('| `')).length).toBe(metricList.length)
  })

  it('have the alerts of the rules, each with its severity', () => {
    const rows = tableOf(document, ['alert', 'severity', 'when'])
    const ofRules = [...readText(alertsPath).matchAll(/^ +- alert: (\w+)$[\s\S]*?^ +severity: (\w+)$/gm)]
    expect(rows.map(([alert = '', severity]) => [quoted(alert)[0], severity])).toEqual(
      ofRules.map(([, alert, severity]) => [alert, severity]),
    )
  })

  it('name files that are there', () => {
    const files = tableOf(document, ['file', 'what it is']).map(([file = '']) => quoted(file)[0] ?? '')
    expect(files.length).toBeGreaterThan(2)
    expect(files.filter((file) => !isThere(file))).toEqual([])
  })
})

/** Documents that tell people what to type. */
const documents = ['README.md', 'CONTRIBUTING.md', document, 'docs/security.md', 'server/README.md', 'cli/README.md']
const typed = documents.filter(isThere).flatMap((path) =>
  [...readText(path).matchAll(/\bbin\/bandpass((?: [^\s`)]+)*)/g)].map((match) => ({
    path,
    line: (match[1] ?? '').trim(),
  })),
)

describe('the commands that the documents show', () => {
  it.for(typed)('$line ($path) is one that bandpass knows, with its options', ({ line }) => {
    const words = line.split(' ')
    if (line === '' || line === '--version' || line === '--help') return
    const command = [3, 2, 1]
      .map((count) => commands.find((one) => one.name === words.slice(0, count).join(' ')))
      .find((found) => found !== undefined)
    expect(command?.name, `bandpass ${line}`).toBeDefined()
    const options = words.filter((word) => word.startsWith('--')).map((word) => word.slice(2).split('=')[0])
    const known = ['help', ...(command?.options.map((option) => option.name) ?? [])]
    expect(options.filter((option) => option !== undefined && !known.includes(option))).toEqual([])
  })
})
