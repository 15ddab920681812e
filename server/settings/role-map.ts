// The setting `operators.oidc.roles`: what the values of a provider's claim are worth here.

import { type OperatorRole, operatorRoles } from '../../protocol/operator-api.ts'
import { type Read, type Setting, type Wrong, shown, value, wrong } from './setting.ts'

const startingRoles: ReadonlyMap<string, OperatorRole> = new Map(
  operatorRoles.map((role) => [`bandpass-${role}`, role]),
)

const expectedRoles = `an object of the claim's values, each with one of ${operatorRoles.join(', ')}`

/** The setting: JSON in the file, JSON text elsewhere. */
export function roleMap(help: string): Setting<ReadonlyMap<string, OperatorRole>> {
  return {
    kind: 'setting',
    expected: expectedRoles,
    sign: 'JSON',
    default: startingRoles,
    defaultText: [...startingRoles.keys()].join(', '),
    help,
    read: (raw, form) => readRoles(form === 'text' && typeof raw === 'string' ? parsedJson(raw) : raw),
  }
}

function readRoles(raw: unknown): Read<ReadonlyMap<string, OperatorRole>> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return wrong(expectedRoles, raw)
  const roles = new Map<string, OperatorRole>()
  const problems: Wrong[] = []
  for (const [name, given] of Object.entries(raw)) {
    const role = operatorRoles.find((one) => one === given)
    if (role === undefined) {
      problems.push({ path: name, expected: `one of ${operatorRoles.join(', ')}`, got: shown(given) })
    } else roles.set(name, role)
  }
  return problems.length > 0 ? { type: 'wrong', wrong: problems } : value(roles)
}

function parsedJson(written: string): unknown {
  try {
    return JSON.parse(written)
  } catch {
    return written
  }
}
