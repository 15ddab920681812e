import { describe, expect, it } from 'vitest'
import { ListenerNotLoaded, chooseListener } from './choose-listener.ts'
import type { Uws, UwsPackage } from './uws.ts'

/** Stands for a package that loads; choosing does not listen yet. */
const loaded: Uws = {
  App: () => {
    throw new Error('expected to be chosen, not to be started')
  },
  us_listen_socket_close: () => {},
  us_socket_local_port: () => 0,
  DISABLED: 0,
}

/** A machine on which these packages do not load. */
const withoutNative =
  (...missing: readonly UwsPackage[]) =>
  (name: UwsPackage) =>
    missing.includes(name)
      ? Promise.reject(new Error(`This version supports other platforms.\n\nError: no ${name} for this machine\n`))
      : Promise.resolve(loaded)

describe('choosing a listener', () => {
  it('takes the newest native one that loads', async () => {
    const choice = await chooseListener('auto', withoutNative())
    expect(choice).toMatchObject({ name: 'uws-current', notLoaded: [] })
    expect(choice.warning).toBeUndefined()
  })

  it('takes the older native one when the newer does not load, and says why', async () => {
    const choice = await chooseListener('auto', withoutNative('uws-current'))
    expect(choice).toMatchObject({
      name: 'uws-compat',
      notLoaded: [{ name: 'uws-current', why: 'Error: no uws-current for this machine' }],
    })
    expect(choice.warning).toBeUndefined()
  })

  it('falls back to ws when none loads, with a warning that names each reason', async () => {
    const choice = await chooseListener('auto', withoutNative('uws-current', 'uws-compat'))
    expect(choice.name).toBe('ws')
    expect(choice.warning).toContain('uws-current: Error: no uws-current for this machine')
    expect(choice.warning).toContain('uws-compat: Error: no uws-compat for this machine')
  })

  it('takes ws or the loopback without a warning when asked to', async () => {
    for (const name of ['ws', 'loopback'] as const) {
      const choice = await chooseListener(name)
      expect(choice.name).toBe(name)
      expect(choice.warning).toBeUndefined()
    }
  })

  it('fails rather than falls back when the one asked for does not load', async () => {
    await expect(chooseListener('uws-current', withoutNative('uws-current'))).rejects.toThrow(ListenerNotLoaded)
  })
})
