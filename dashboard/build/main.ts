// Bundle build of the operators' page into .build/dashboard: scripts and styles with a hash in their names, each with its .br and .gz
// beside it so that the server compresses nothing. Fails when the scripts have grown past their size budget.
// Run by scripts/dashboard.sh; the one door to Vite.

import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build } from 'vite'
import { bandMachine } from '../../machines/band-machine.ts'
import { sessionMachine } from '../../machines/session-machine.ts'
import type { Charts } from './chart.ts'
import { layOut } from './lay-out.ts'
import { readMachine } from './read-machine.ts'

/** Size budget of all scripts together, bytes, compressed by gzip, which every browser reads. */
const scriptBytesMax = 200_000

const root = resolve(import.meta.dirname, '../..')
const output = join(root, '.build/dashboard')
const partial = `${output}.partial-${process.pid}`

// What is not finished is not left behind, whatever ended it.
process.on('exit', () => rmSync(partial, { recursive: true, force: true }))

const charts: Charts = {
  band: await layOut(readMachine(bandMachine.root)),
  session: await layOut(readMachine(sessionMachine.root)),
}

await build({
  configFile: false,
  root: join(root, 'dashboard'),
  base: '/',
  publicDir: false,
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  define: { chartsOfMachines: JSON.stringify(charts) },
  build: {
    outDir: partial,
    emptyOutDir: true,
    // What the page may load is named by its policy: nothing inline, nothing as data: but pictures.
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
})

const scriptBytes = compressAll(partial)
const said = `${(scriptBytes / 1000).toFixed(1)} KB of scripts compressed, of at most ${scriptBytesMax / 1000}`
if (scriptBytes > scriptBytesMax) {
  console.error(`dashboard: ${said}`)
  process.exit(1)
}
mkdirSync(join(root, '.build'), { recursive: true })
rmSync(output, { recursive: true, force: true })
renameSync(partial, output)
console.error(`dashboard: built, ${said}`)

/** Precompresses every file; gives the gzipped size of all scripts, bytes. */
function compressAll(folder: string): number {
  let scripts = 0
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name)
    if (!statSync(path).isFile()) continue
    const bytes = readFileSync(path)
    const zipped = gzipSync(bytes, { level: 9 })
    writeFileSync(`${path}.gz`, zipped)
    writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
    if (name.endsWith('.js')) scripts += zipped.length
  }
  return scripts
}
