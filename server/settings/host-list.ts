// The setting `hosts`: the hosts by which phones come to this engine. They may be written as people do: a name in its own letters
// (IDN, RFC 5891), an IPv6 address without brackets, an empty item behind the last comma.

import { isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'

import { isOwnHost, ownHostExpected } from '../../transport/own-hosts.ts'
import { type Form, type Read, type Setting, type Wrong, shown, value, wrong } from './setting.ts'

/** Names of one engine; each is looked for in a set. */
export const hostsMax = 100

const none: readonly string[] = []
const expectedHosts = `at most ${hostsMax} hosts, each ${ownHostExpected}`

/** The setting: a list in the file, separated by commas elsewhere. */
export function hostList(help: string): Setting<readonly string[]> {
  return {
    kind: 'setting',
    expected: expectedHosts,
    sign: 'HOST,HOST',
    default: none,
    defaultText: 'none',
    help,
    read: (raw, form) => readHosts(raw, form),
  }
}

function readHosts(raw: unknown, form: Form): Read<readonly string[]> {
  const given: unknown =
    form === 'text' && typeof raw === 'string' ? raw.split(/[,\s]+/).filter((one) => one !== '') : raw
  if (!isUnknownList(given) || given.length === 0 || given.length > hostsMax) return wrong(expectedHosts, raw)
  const hosts: string[] = []
  const problems: Wrong[] = []
  for (const [at, one] of given.entries()) {
    const host = typeof one === 'string' ? hostOf(one.trim()) : ''
    if (isOwnHost(host)) hosts.push(host)
    else problems.push({ path: String(at), expected: ownHostExpected, got: shown(one) })
  }
  return problems.length > 0 ? { type: 'wrong', wrong: problems } : value(hosts)
}

/** As it stands in a Host header. */
function hostOf(written: string): string {
  if (isIPv6(written)) return `[${written}]`
  const { name = '', port = '' } = /^(?<name>[^:/?#@[\]\s]+)(?<port>:\d+)?$/.exec(written)?.groups ?? {}
  // Only letters that are not ASCII: the rest is looked at as it stands.
  return /[^\0-\x7f]/.test(name) ? `${domainToASCII(name)}${port}` : written
}

function isUnknownList(given: unknown): given is readonly unknown[] {
  return Array.isArray(given)
}
