// Generator of test vectors: makes test/vectors/data/ from copies of the published files: `node test/vectors/compact.ts FOLDER`,
// where FOLDER has wycheproof/*_test.json, noise/cacophony.txt and noise/snow.txt. What is left out is only what no test here
// reads.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

type Json = Readonly<Record<string, unknown>>

const published = process.argv[2]
if (published === undefined) throw new Error('expected the folder of the published files')

/** Of each file of Wycheproof, what its tests here read of a group and of a case. */
const wycheproof: Readonly<Record<string, { readonly group: readonly string[]; readonly test: readonly string[] }>> = {
  chacha20_poly1305: { group: [], test: ['key', 'iv', 'aad', 'msg', 'ct', 'tag'] },
  xchacha20_poly1305: { group: [], test: ['key', 'iv', 'aad', 'msg', 'ct', 'tag'] },
  x25519: { group: [], test: ['public', 'private', 'shared', 'flags'] },
  ed25519: { group: ['publicKey.pk'], test: ['msg', 'sig'] },
  ecdsa_secp256r1_sha256_p1363: { group: ['publicKey.uncompressed'], test: ['msg', 'sig'] },
  hkdf_sha256: { group: [], test: ['ikm', 'salt', 'info', 'size', 'okm'] },
  hmac_sha256: { group: ['tagSize'], test: ['key', 'msg', 'tag'] },
  json_web_signature: { group: ['public', 'private'], test: ['jws'] },
}
const inEveryCase = ['tcId', 'comment', 'result']

/** The patterns that pairing and rekey are made of, with the suite of the protocol. */
const noise = {
  cacophony: ['XK', 'KK', 'XKpsk3', 'KKpsk0'],
  snow: ['XK', 'KK'],
} as const

for (const [name, { group, test }] of Object.entries(wycheproof)) {
  const file = read(`wycheproof/${name}_test.json`)
  const groups = list(file['testGroups']).map((one) => ({
    ...only(one, group),
    tests: list(one['tests']).map((each) => only(each, [...inEveryCase, ...test])),
  }))
  write(`wycheproof/${name}.json`, { numberOfTests: file['numberOfTests'], testGroups: groups })
}
for (const [name, patterns] of Object.entries(noise)) {
  const wanted = new Set<unknown>(patterns.map((pattern) => `Noise_${pattern}_25519_ChaChaPoly_SHA256`))
  const vectors = list(read(`noise/${name}.txt`)['vectors']).filter((one) => wanted.has(one['protocol_name']))
  write(`noise/${name}.json`, { vectors })
}

/** The fields of these names, `outer.inner` for one inside another. */
function only(from: Json, names: readonly string[]): Json {
  const fields = names.flatMap((name): (readonly [string, unknown])[] => {
    const [outer = '', inner] = name.split('.')
    const value = from[outer]
    if (value === undefined) return []
    return [[outer, inner === undefined ? value : only(value as Json, [inner])]]
  })
  return Object.fromEntries(fields)
}

function list(value: unknown): readonly Json[] {
  if (!Array.isArray(value)) throw new Error('expected a list')
  return value as readonly Json[]
}

function read(path: string): Json {
  return JSON.parse(readFileSync(join(published ?? '', path), 'utf8')) as Json
}

/** One case per line, so that a change can be read. */
function write(path: string, value: unknown): void {
  const target = join(import.meta.dirname, 'data', path)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(
    target,
    `${JSON.stringify(value).replaceAll(/(?<=[[,])(?=\{"(?:tcId|tests|protocol_name|publicKey|public"|private"|tagSize))/g, '\n')}\n`,
  )
}
