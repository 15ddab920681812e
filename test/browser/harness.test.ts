// The harness itself: each of its checks finds what it is for, and nothing on a page that is right.
import { createServer } from 'node:http'
import { existsSync, rmSync, statSync } from 'node:fs'
import { expect, it, onTestFinished } from 'vitest'
import { VirtualAuthenticator } from './authenticator.ts'
import { axe } from './axe.ts'
import { type OpenedPage, describeInBrowser, lookName, looks, screenshot, scrollsSideways } from './browser.ts'
import { foundIn, patience, saysOnly, settled } from './seen.ts'

const strict = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'"

type Site = {
  readonly body: string
  readonly script?: string
  readonly style?: string
  readonly policy?: string
  /** Violations are told, and allowed. */
  readonly reportOnly?: boolean
}

/** Serves one page with a strict CSP; its address under a name and under a number. */
async function serve({ body, script = '', style = '', policy = strict, reportOnly = false }: Site) {
  const html = `<!doctype html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,">
    <meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css">
    <script type="module" src="/script.js"></script></head><body><main>${body}</main></body></html>`
  const files: Readonly<Record<string, readonly [string, string]>> = {
    '/': ['text/html', html.replace('<link rel="icon" href="data:,">', '<link rel="icon" href="/icon.svg">')],
    '/script.js': ['text/javascript', script],
    '/style.css': ['text/css', style],
    '/icon.svg': ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
  }
  const server = createServer((request, response) => {
    const [type, text] = files[request.url ?? ''] ?? []
    response.writeHead(text === undefined ? 404 : 200, {
      'content-type': type ?? 'text/plain',
      [`content-security-policy${reportOnly ? '-report-only' : ''}`]: policy,
    })
    response.end(text ?? 'nothing')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}/`, named: `http://localhost:${port}/` }
}

const good = '<h1>Bands</h1><label>Find <input></label> <button>Freeze</button><p id="told"></p>'

describeInBrowser('the browser harness', (open) => {
  /** Opens a page that is looked at by the test itself. */
  const visit = async (site: Site): Promise<OpenedPage> => {
    const opened = await open({ failsOnProblems: false })
    await opened.page.goto((await serve(site)).url, { waitUntil: 'load' })
    return opened
  }
  /** What was told by the time that everything before was heard. */
  const problemsOf = async (opened: OpenedPage) => {
    await settled(opened.page)
    return opened.problems().join('\n')
  }
  /** Waits until it is heard. */
  const hears = (opened: OpenedPage, wanted: string | RegExp) =>
    expect.poll(() => opened.problems().join('\n'), patience).toMatch(wanted)

  it('finds nothing wrong with a page that is right', async () => {
    const opened = await open()
    await opened.page.goto((await serve({ body: good, script: 'told.textContent = "runs"' })).url)
    await opened.page.getByText('runs').waitFor()
    expect(await axe(opened)).toEqual([])
    expect(await scrollsSideways(opened)).toBe(false)
    expect(await problemsOf(opened)).toBe('')
  })

  it('finds what axe-core finds, although the CSP allows no script of others', async () => {
    const opened = await visit({ body: '<h1>Bands</h1><input><img src="/icon.svg"><button></button>' })
    const violations = await axe(opened)
    expect(violations.map((one) => one.rule)).toEqual(expect.arrayContaining(['label', 'image-alt', 'button-name']))
    expect(violations.find((one) => one.rule === 'image-alt')).toMatchObject({ impact: 'critical', at: ['img'] })
    expect(await problemsOf(opened)).toBe('')
  })

  it('finds text that nobody can read, light and dark', async () => {
    const style =
      'body{color:#eee;background:#fff}@media (prefers-color-scheme: dark){body{color:#eee;background:#111}}'
    const { url } = await serve({ body: '<h1>Bands</h1><p>hardly there</p>', style })
    const found: Record<string, boolean> = {}
    for (const look of looks.slice(0, 2)) {
      const opened = await open({ look })
      await opened.page.goto(url)
      found[look.colorScheme] = (await axe(opened)).some((one) => one.rule === 'color-contrast')
    }
    expect(found).toEqual({ light: true, dark: false })
  })

  it('hears errors on the console, and those that a test allows are none', async () => {
    const opened = await visit({ body: good, script: 'console.error("it is broken"); console.warn("only a warning")' })
    await hears(opened, /^console: it is broken/)
    opened.allow(/it is broken/)
    expect(await problemsOf(opened)).toBe('')
  })

  it('hears errors that no script caught', async () => {
    const opened = await visit({ body: good, script: 'queueMicrotask(() => { throw new Error("thrown") })' })
    await hears(opened, 'script: Error: thrown')
    const rejected = await visit({ body: good, script: 'Promise.reject(new TypeError("rejected"))' })
    await hears(rejected, 'script: TypeError: rejected')
  })

  it('hears what was not found', async () => {
    const opened = await visit({ body: good, script: 'await fetch("/nowhere")' })
    await hears(opened, '404')
  })

  it('hears violations of the CSP, those that are only reported too', async () => {
    const inline = await visit({ body: `${good}<script>told.textContent = 'inline'</script>` })
    await hears(inline, 'CSP: script-src-elem forbids inline')
    await saysOnly(inline.page.locator('#told'), '')
    const handler = await visit({ body: `${good}<img src="/none" alt="" onerror="told.textContent = 'handler'">` })
    await hears(handler, 'CSP: script-src-attr forbids inline')
    await saysOnly(handler.page.locator('#told'), '')
    const told = await visit({ body: `${good}<script>told.textContent = 'inline'</script>`, reportOnly: true })
    await hears(told, 'CSP: script-src-elem forbids inline')
    await saysOnly(told.page.locator('#told'), 'inline')
    const lax = await visit({ body: `${good}<script>told.textContent = 'inline'</script>`, policy: 'img-src *' })
    expect(await problemsOf(lax)).toBe('')
    await saysOnly(lax.page.locator('#told'), 'inline')
  })

  it('hears requests that would leave this machine', async () => {
    const opened = await visit({ body: good, script: 'new Image().src = "http://192.0.2.1/x"', policy: 'img-src *' })
    await hears(opened, 'leaves this machine: http://192.0.2.1/x')
  })

  it.fails('fails a test whose page complains, although the test itself found nothing', async () => {
    const opened = await open()
    await opened.page.goto((await serve({ body: good, script: 'console.error("it is broken")' })).url)
    await hears(opened, 'it is broken')
  })

  it('sees a page that scrolls sideways', async () => {
    const opened = await visit({ body: '<div id="wide">wide</div>', style: '#wide{width:3000px}' })
    expect(await scrollsSideways(opened)).toBe(true)
  })

  it('takes a picture of each look, and keeps it', async () => {
    const style = ':root{color-scheme:light dark}'
    const { url } = await serve({
      body: good,
      style,
      script: 'told.textContent = `${innerWidth} ${matchMedia("(prefers-color-scheme: dark)").matches}`',
    })
    for (const look of looks) {
      const opened = await open({ look })
      await opened.page.goto(url)
      await opened.page.getByText(`${look.width} ${look.colorScheme === 'dark'}`).waitFor()
      const path = await screenshot(opened, lookName('harness', look))
      onTestFinished(() => rmSync(path, { force: true }))
      expect(existsSync(path) && statSync(path).size).toBeGreaterThan(1_000)
    }
  })

  it('shares nothing between pages that are opened one after the other', async () => {
    const { url } = await serve({ body: good })
    const first = await open()
    await first.page.goto(url)
    await first.page.evaluate(() => localStorage.setItem('kept', 'here'))
    const second = await open()
    await second.page.goto(url)
    expect(await foundIn(second.page, () => localStorage.getItem('kept'))).toBeNull()
  })

  it('has a passkey made and used by a device that verifies its user, and refused by one that does not', async () => {
    const opened = await open()
    await opened.page.goto((await serve({ body: good })).named)
    const device = await VirtualAuthenticator.plugIn(opened)
    const make = () =>
      opened.page.evaluate(async () => {
        const user = { id: new Uint8Array(8), name: 'ada', displayName: 'ada' }
        const publicKey = {
          rp: { name: 'here' },
          user,
          challenge: new Uint8Array(32),
          pubKeyCredParams: [{ type: 'public-key', alg: -7 } as const],
          authenticatorSelection: { userVerification: 'required', residentKey: 'required' } as const,
        }
        const made = await navigator.credentials.create({ publicKey }).catch((error: unknown) => String(error))
        return typeof made === 'string' ? made : (made?.type ?? 'none')
      })
    const use = () =>
      opened.page.evaluate(async () => {
        const publicKey = { challenge: new Uint8Array(32), userVerification: 'required' } as const
        const used = await navigator.credentials.get({ publicKey }).catch((error: unknown) => String(error))
        return typeof used === 'string' ? used : (used?.type ?? 'none')
      })
    expect(await make()).toBe('public-key')
    const [before] = await device.passkeys()
    expect(before).toMatchObject({ site: 'localhost' })
    expect(await use()).toBe('public-key')
    expect((await device.passkeys())[0]?.used).toBeGreaterThan(before?.used ?? 0)
    await device.verifiesUser(false)
    expect(await use()).toContain('NotAllowedError')
    await device.unplug()
  })
})
