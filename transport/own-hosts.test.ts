import { describe, expect, it } from 'vitest'
import { isOwnHost, ownHosts } from './own-hosts.ts'

describe('the hosts that are ours', () => {
  const judge = ownHosts(['Engine.example', 'engine.example:8484', '192.0.2.7', '[2001:db8::1]:9000'])

  it.for([
    'engine.example',
    'ENGINE.EXAMPLE',
    'engine.example.',
    'engine.example:443',
    'engine.example:80',
    'engine.example:8484',
    'engine.example.:08484',
    '192.0.2.7',
    '[2001:db8::1]:9000',
    '[2001:0DB8:0:0:0:0:0:1]:9000',
  ])('are those of the list, however they are written: %s', (host) => {
    expect(judge(host)).toBe('ours')
  })

  it.for([
    'evil.example',
    'engine.example.evil.example',
    'evil-engine.example',
    'sub.engine.example',
    'engine.example:8485',
    '192.0.2.7:8484',
    '192.0.2.8',
    '3221226503',
    '0xc0.0.2.7',
    '[::ffff:192.0.2.7]:1',
    '[2001:db8::1]',
    '[2001:db8::2]:9000',
    // This machine is none of them unless it is listed.
    'localhost',
    '127.0.0.1:8484',
    '[::1]',
  ])('are not %s', (host) => {
    expect(judge(host)).toBe('foreign')
  })

  it.for([
    '',
    ' ',
    'engine.example, evil.example',
    'evil.example@engine.example',
    'engine.example/path',
    'engine.example#',
    'http://engine.example',
    '//engine.example',
    'engine.example:',
    'engine.example:0',
    'engine.example:65536',
    'engine.example:-1',
    'engine.example:443:443',
    'engine.example..',
    '.engine.example',
    'engine\u0000.example',
    'engïne.example',
    '%65ngine.example',
    '2001:db8::1',
    '[2001:db8::1',
    '[2001:db8::1%25eth0]',
    '[::1]]',
    '[engine.example]',
    '*',
    `${'a'.repeat(260)}.example`,
  ])('are written as a host and a port: %j is malformed', (host) => {
    expect(judge(host)).toBe('malformed')
    expect(isOwnHost(host)).toBe(false)
  })

  it('are as long as 260 characters, not one more', () => {
    expect(judge('a'.repeat(260))).toBe('foreign')
    expect(judge('a'.repeat(261))).toBe('malformed')
  })

  it('are this machine alone when none is listed, by every name and address of its own and at any port', () => {
    const here = ownHosts([])
    for (const host of ['localhost', 'LOCALHOST:8484', 'localhost.:1', '127.0.0.1:8484', '127.9.9.9', '[::1]:8484']) {
      expect(here(host), host).toBe('ours')
    }
    expect(here('[0:0:0:0:0:0:0:1]')).toBe('ours')
    expect(here('[::ffff:127.0.0.1]:8484')).toBe('ours')
    for (const host of ['engine.example', 'localhost.example', '127.0.0.1.example', '0.0.0.0', '[::]', '128.0.0.1']) {
      expect(here(host), host).toBe('foreign')
    }
  })

  it('are no list with an entry that is none', () => {
    expect(() => ownHosts(['https://engine.example'])).toThrow(/a host name or address/)
  })
})
