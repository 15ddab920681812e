import { describe, expect, it } from 'vitest'
import { type Route, parseRoute } from './parse-route.ts'

const bandId = '5a0c77de91b2440f8d3e60aa12bc09f4'

describe('an address', () => {
  it.for([
    ['/', '', { page: 'fleet' }],
    ['/bands', '?name=acct%3A1', { page: 'bands', name: 'acct:1' }],
    [`/band/${bandId}`, '', { page: 'band', bandId }],
    [`/band/${bandId.toUpperCase()}`, '', { page: 'band', bandId }],
    ['/band/5a0c77de', '', { page: 'bands', name: '5a0c77de' }],
    ['/band/5A0C77DE%E2%80%A6', '', { page: 'bands', name: '5a0c77de…' }],
    ['/decisions', '?reason=denied', { page: 'decisions', query: 'reason=denied' }],
    ['/decisions/812', '', { page: 'decision', lsn: 812 }],
    ['/replay', '?lsn=812', { page: 'replay', lsn: 812 }],
    ['/replay', '?lsn=<b>', { page: 'replay', lsn: undefined }],
    ['/vendors', '', { page: 'vendors' }],
  ] as const)('%s%s leads to its page', ([path, search, page]) => {
    expect(parseRoute(path, search)).toEqual(page satisfies Route)
  })

  it.for([
    '/band/',
    '/band/5a0c',
    `/band/${bandId}/more`,
    '/band/%3Cimg%20src=x%20onerror=alert(1)%3E',
    '/decisions/0',
    '/decisions/12x',
    '/decisions/99999999999999999',
    '/vendors/7',
    '/nothing',
    '//',
  ])('%s leads nowhere, and the page says so', (path) => {
    expect(parseRoute(path, '')).toEqual({ page: 'unknown', path })
  })
})
