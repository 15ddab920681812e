// Launcher of Debian's headless Chromium for the tests beside this file, without the window of a browser, which takes a third
// less of the machine: a program of the system, brought by scripts/install-debian.sh browser.

import { accessSync, constants } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const chromiumPath = process.env['CHROMIUM'] ?? '/usr/bin/chromium-headless-shell'

/**
 * Whether Chromium is here; says so when it is not, once for each file that asks. Throws on a machine where it can be installed: there
 * no test in a browser is left out.
 */
export function hasChromium(): boolean {
  const isHere = isProgram(chromiumPath)
  if (!isHere && canBeInstalled())
    throw new Error(`${chromiumPath} is not here; run: sh scripts/install-debian.sh browser`)
  if (!isHere)
    console.log(`skipped: ${chromiumPath} is not here; sh scripts/install-debian.sh browser says how to get it`)
  return isHere
}

export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    headless: true,
    // Its sandbox does not work for root.
    chromiumSandbox: !isRoot(),
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-domain-reliability',
      '--disable-dev-shm-usage',
      // It asks for its maker's hosts at every start; nothing but this machine is to be found.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
      '--force-color-profile=srgb',
    ],
  })
}

/** As scripts/install-debian.sh sees it. */
function canBeInstalled(): boolean {
  return isRoot() && process.env['CHROMIUM'] === undefined && isProgram('/usr/bin/apt-get')
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
