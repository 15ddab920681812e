// Module loader hook with a cache of stripped TypeScript, for the processes that tests start, some hundreds of them: taking the
// types out of what the command line imports is half of what a start costs. vitest.config.ts has them load this. It is keyed by
// the text itself, so it is never stale.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = `${root}.build/stripped-${process.version}/`
const isOurs = (url) => url.endsWith('.ts') && url.startsWith('file:') && fileURLToPath(url).startsWith(root)

// Where warnings are heard, a word about an experimental function would be one too many.
if (process.execArgv.includes('--disable-warning=ExperimentalWarning')) {
  registerHooks({
    load: (url, context, next) =>
      isOurs(url)
        ? { format: 'module', source: stripped(readFileSync(fileURLToPath(url), 'utf8')), shortCircuit: true }
        : next(url, context),
  })
}

function stripped(text) {
  const path = `${folder}${createHash('sha256').update(text).digest('hex')}.js`
  try {
    return readFileSync(path, 'utf8')
  } catch {
    const code = stripTypeScriptTypes(text)
    keep(path, code)
    return code
  }
}

/** Whole or not at all: many processes write it at once. A process of another user, who may not, goes without. */
function keep(path, code) {
  const partial = `${path}.${process.pid}`
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(partial, code)
    renameSync(partial, path)
  } catch {
    // It is stripped again next time.
  }
}
