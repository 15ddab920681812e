import { describe, expect, it } from 'vitest'
import { parsePartnerId } from '../../protocol/ids.ts'
import { readConfig } from '../settings/config.ts'
import { partnersSeen, settingsSeen, vendorsSeen } from './operator-lists.ts'
import type { ListedVendor } from '../documents/vendor-list.ts'

describe('what operators see of lists and settings', () => {
  it('has partners with the numbers of their keys, and no key', () => {
    const offerKeys = new Map([[3, new Uint8Array(32).fill(0xab)]])
    const partners = [{ id: parsePartnerId('0c'.repeat(16)), name: 'Corner shop', offerKeys }]
    const seen = partnersSeen({ partners })
    expect(seen.partners).toEqual([{ id: '0c'.repeat(16), name: 'Corner shop', kids: [3] }])
    expect(JSON.stringify(seen)).not.toMatch(/abab|171/)
  })

  it('has vendors with what of them is revoked', () => {
    const atMs = 1
    const vendor = (revoked: ListedVendor['revoked']): ListedVendor => ({
      vendor: 7,
      name: 'Band Works',
      roots: [],
      revoked,
    })
    const revoked = [
      { model: 2, batch: null, atMs },
      { model: 3, batch: 41, atMs },
      { model: null, batch: 9, atMs },
    ]
    expect(vendorsSeen({ vendors: [vendor(revoked)] }).vendors).toEqual([
      {
        vendor: 7,
        name: 'Band Works',
        standing: 'active',
        models: [{ model: 2, standing: 'revoked' }],
        batches: [
          { model: 3, batch: 41, standing: 'revoked' },
          { model: null, batch: 9, standing: 'revoked' },
        ],
      },
    ])
    expect(vendorsSeen({ vendors: [vendor([{ model: null, batch: null, atMs }])] }).vendors[0]?.standing).toBe(
      'revoked',
    )
  })

  it('has every setting as it is in force, but nothing of where secrets lie', () => {
    const flags = {
      'drain-ms': '7',
      'master-key-file': '/secret/master',
      'admin-token': '/secret/admin',
      'operators-oidc-issuer': 'https://login.example',
      'operators-oidc-client-id': 'bandpass',
      'operators-oidc-client-secret-file': '/secret/oidc',
    }
    const { settings } = settingsSeen(readConfig({ flags }))
    const of = (path: string) => settings.find((one) => one.path === path)
    expect(of('drainMs')).toMatchObject({ value: '7', default: '10000' })
    expect(of('operators.oidc.issuer')?.value).toBe('https://login.example')
    expect(of('limits')?.value).toBe('EUR, USD, CNY')
    expect(of('tokens.issuer')?.value).toBe('none')
    expect(JSON.stringify(settings)).not.toContain('/secret/')
  })
})
