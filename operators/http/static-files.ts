// Static file server of the built page: files of one folder and nothing beside it. Names that carry a hash never change what they
// hold, so browsers cache them; a form that was compressed while it was built is sent as it lies there.

import { readFile } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'

type StaticAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer>
}

export type StaticFiles = (path: string, acceptEncoding: string) => Promise<StaticAnswer>

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
}

/** Content codings (RFC 9110 §8.4.1), in order of what they save. */
const encodings = [
  { name: 'br', suffix: '.br' },
  { name: 'gzip', suffix: '.gz' },
] as const

/** As the bundler names what it built: `index-DiwrgTda.js`. */
const hashedName = /-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/

/** Serves `folder`. What has no extension is a place in the page, which index.html shows. */
export function staticFiles(folder: string): StaticFiles {
  return async (path, acceptEncoding) => {
    const wanted = extname(path) === '' ? '/index.html' : path
    const type = types[extname(wanted)]
    const file = fileOf(folder, wanted)
    if (type === undefined || file === undefined) return notFound
    const found = await encoded(file, acceptEncoding)
    if (found === undefined) return wanted === '/index.html' ? notBuilt : notFound
    const kept = hashedName.test(wanted) ? 'public, max-age=31536000, immutable' : 'no-cache'
    const headers = { 'content-type': type, 'cache-control': kept, vary: 'accept-encoding' }
    return {
      status: 200,
      headers: found.encoding === undefined ? headers : { ...headers, 'content-encoding': found.encoding },
      body: found.body,
    }
  }
}

/** The file that a path means; undefined for one that leads out of the folder or says what no name of a file says. */
function fileOf(folder: string, path: string): string | undefined {
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    return undefined
  }
  // Not even inside the folder: what the bundler makes needs none of these.
  if (!/^(\/[A-Za-z0-9_][A-Za-z0-9._-]*)+$/.test(decoded)) return undefined
  const file = normalize(join(folder, decoded))
  return file.startsWith(normalize(folder) + sep) ? file : undefined
}

async function encoded(
  file: string,
  acceptEncoding: string,
): Promise<{ readonly body: Uint8Array<ArrayBuffer>; readonly encoding: string | undefined } | undefined> {
  const accepted = acceptedEncodings(acceptEncoding)
  for (const { name, suffix } of encodings) {
    if ((accepted.get(name) ?? accepted.get('*')) !== true) continue
    const body = await contentOf(file + suffix)
    if (body !== undefined) return { body, encoding: name }
  }
  const body = await contentOf(file)
  return body === undefined ? undefined : { body, encoding: undefined }
}

/** Parses Accept-Encoding, by name in lower case (RFC 9110 §12.5.3): codings of weight 0 are not acceptable. */
function acceptedEncodings(header: string): ReadonlyMap<string, boolean> {
  return new Map(
    header.split(',').map((one) => {
      const [name = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase())
      return [name, !parameters.some((parameter) => /^q\s*=\s*0(\.0*)?$/.test(parameter))]
    }),
  )
}

async function contentOf(file: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return new Uint8Array(await readFile(file))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined
    throw error
  }
}

function plain(status: number, text: string): StaticAnswer {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }
  return { status, headers, body: new TextEncoder().encode(text) }
}

const notFound = plain(404, 'There is nothing here.\n')
const notBuilt = plain(
  503,
  "The operators' page is not built here. Run `make setup` in the folder of Bandpass, then load this again; the engine need not be started again.\n",
)
