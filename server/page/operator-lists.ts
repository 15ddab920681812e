// Partners, vendors and settings as the operators' page shows them: no key, no secret, and no path of a file that holds one.

import type { PartnersAnswer, SettingsAnswer, VendorsAnswer } from '../../protocol/operator-api.ts'
import { type ServerConfig, namedSettings } from '../settings/settings.ts'
import type { Surroundings } from '../documents/surroundings.ts'
import { type ListedVendor, statusOf } from '../documents/vendor-list.ts'

type Listed = ReturnType<Surroundings['listed']>

export function partnersSeen({ partners }: Pick<Listed, 'partners'>): PartnersAnswer {
  return { partners: partners.map(({ id, name, offerKeys }) => ({ id, name, kids: [...offerKeys.keys()] })) }
}

export function vendorsSeen({ vendors }: Pick<Listed, 'vendors'>): VendorsAnswer {
  return { vendors: vendors.map(vendorSeen) }
}

function vendorSeen(listed: ListedVendor): VendorsAnswer['vendors'][number] {
  const { vendor, name, revoked } = listed
  const isWhole = revoked.some(({ model, batch }) => model === null && batch === null)
  return {
    vendor,
    name,
    standing: isWhole ? 'revoked' : 'active',
    models: revoked.flatMap(({ model, batch }) =>
      model !== null && batch === null ? [{ model, standing: statusOf(listed, model, 0) }] : [],
    ),
    batches: revoked.flatMap(({ model, batch }) => (batch === null ? [] : [{ model, batch, standing: 'revoked' }])),
  }
}

/** Where secrets lie is for those who can read the machine. */
const hidden: ReadonlySet<string> = new Set([
  'masterKeyFile',
  'adminToken',
  'tokens.jwksFile',
  'operators.oidc.clientSecretFile',
])

export function settingsSeen(config: ServerConfig): SettingsAnswer {
  const settings = namedSettings
    .filter(({ path }) => !hidden.has(path))
    .map(({ path, setting }) => {
      const found = valueAt(config, path)
      return {
        path,
        value: found === setting.default ? setting.defaultText : written(found),
        default: setting.defaultText,
        help: setting.help,
      }
    })
  return { settings }
}

function valueAt(config: ServerConfig, path: string): unknown {
  let at: unknown = config
  for (const name of path.split('.')) at = typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined
  return at
}

function written(value: unknown): string {
  if (value === undefined) return 'none'
  if (value instanceof Map) return JSON.stringify(Object.fromEntries(value))
  return typeof value === 'string' ? value : JSON.stringify(value)
}
