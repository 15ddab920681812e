// Configuration schema: everything an operator may set: one list from which the configuration's type, its validation, `--help` and the table
// in the documents come. A setting `a.bC` is `a.bC` in the file, BANDPASS_A_B_C in the environment and --a-b-c as a flag.

import type { Rate } from '../../base/token-bucket.ts'
import { armedMaxMs } from '../../protocol/limits.ts'
import { defaultDelays } from '../../policy/delays.ts'
import { listenerNames } from '../../transport/choose-listener.ts'
import { defaultLimits } from '../../transport/limits.ts'
import type { ListenerName } from '../../transport/listener.ts'
import { alarmRules } from './alarm-rules.ts'
import { hostList } from './host-list.ts'
import { limitTables } from './limit-tables.ts'
import { logLevels } from '../log/log.ts'
import { oidcClientAuths } from '../../operators/ports/ports.ts'
import { roleMap } from './role-map.ts'
import { leewayDefaultS } from './token-leeway.ts'
import {
  type Setting,
  choice,
  count,
  listenHost,
  optionalPath,
  optionalText,
  path,
  portOr,
  text,
  truth,
} from './setting.ts'
import { optionalAddress, optionalOrigin } from './web-address.ts'

const dayMs = 24 * 3_600_000
const yearMs = 366 * dayMs
const most = 1_000_000_000

/** What may be asked for; the loopback is for tests. */
const listenerChoices = ['auto', 'uws', ...listenerNames.filter(isForServers)] as const

function isForServers(name: (typeof listenerNames)[number]): name is Exclude<ListenerName, 'loopback'> {
  return name !== 'auto' && name !== 'loopback'
}

function rate(of: Rate, what: string) {
  return {
    perSecond: count({ default: of.perSecond, min: 1, max: most, help: `${what}, a second in the long run` }),
    burst: count({ default: of.burst, min: 1, max: most, help: `${what}, at once` }),
  }
}

export const settings = {
  host: listenHost({ default: '127.0.0.1', help: 'address to listen on' }),
  port: count({ default: 8484, min: 0, max: 65_535, help: 'port to listen on; 0 lets the system choose' }),
  hosts: hostList(
    'hosts that phones connect by, as in their URL; others are refused; must be set when others than this machine may come',
  ),
  data: path({ default: '.data', help: 'folder of everything durable: journal, view, keys, partners, vendors' }),
  durability: choice({
    default: 'disk',
    of: ['disk', 'process'],
    help: 'disk: answers leave when synced; process: when written, survives a crash but no power cut (demos)',
  }),
  listener: choice({
    default: 'auto',
    of: listenerChoices,
    help: 'auto takes the native one or, with a warning, ws; uws insists on a native one',
  }),
  issuer: text({ default: 'bandpass', help: '`iss` of receipts: the name partners know this engine by' }),
  heartbeatS: count({ default: 30, min: 1, max: 3_600, help: 'heartbeat of worn bands; presence lasts three of them' }),
  drainMs: count({ default: 10_000, min: 0, max: 600_000, help: 'how long a stop waits for what is under way' }),
  log: {
    level: choice({
      default: 'info',
      of: logLevels,
      help: 'the least urgent lines of the log that are written',
    }),
  },
  demo: truth({
    default: false,
    help: 'provision a demo vendor and partner and write demo.json with their secrets; never in production',
  }),
  limits: limitTables('limits by currency, minor units; what is given replaces all defaults'),
  bands: {
    awakeMax: count({ default: 20_000, min: 100, max: most, help: 'band actors kept awake' }),
    awakeIdleMs: count({ default: 60_000, min: 1_000, max: dayMs, help: 'an unused band goes to sleep after this' }),
    linksMax: count({
      default: 100_000,
      min: 10,
      max: 10_000_000,
      help: 'live links, 132 bytes each as they come',
    }),
    armedMs: count({ default: armedMaxMs, min: 60_000, max: armedMaxMs, help: 'how long armed lasts' }),
  },
  sessions: {
    max: count({ default: 100_000, min: 1, max: 10_000_000, help: 'phone sessions at once' }),
    resumeWindowMs: count({ default: 60_000, min: 0, max: dayMs, help: 'a lost session may be resumed within this' }),
    hellosMax: count({
      default: 256,
      min: 1,
      max: 100_000,
      help: 'hellos verified at once; phones that come back may have four times as many',
    }),
    authDeadlineMs: count({ default: 5_000, min: 500, max: 60_000, help: 'from the upgrade to a verified hello' }),
  },
  pairing: {
    windowsMax: count({ default: 10_000, min: 1, max: 1_000_000, help: 'pairing windows open at once' }),
    failuresPerAccount: count({ default: 5, min: 1, max: most, help: 'failed pairings of one account an hour' }),
    failuresPerAddress: count({ default: 50, min: 1, max: most, help: 'failed pairings of one address an hour' }),
  },
  account: {
    frames: rate({ perSecond: 50, burst: 200 }, 'frames of one account that reach cryptography'),
    records: rate({ perSecond: 1, burst: 2_000 }, 'journal records of one account beside its approvals'),
  },
  gate: {
    depthMax: count({ default: 20_000, min: 1, max: most, help: 'answers waiting for the disk before `busy`' }),
    waitMaxMs: count({
      default: 50,
      min: 1,
      max: 60_000,
      help: 'nothing left for the disk this long although answers wait: new requests are `busy`',
    }),
  },
  delays: {
    afterPhoneMs: count({ default: defaultDelays.afterPhoneMs, min: 0, max: yearMs, help: 'raising change, by phone' }),
    foundMs: count({ default: defaultDelays.foundMs, min: 0, max: yearMs, help: 'taking a loss back' }),
    afterRecoveryMs: count({
      default: defaultDelays.afterRecoveryMs,
      min: 0,
      max: yearMs,
      help: 'raising change, after a recovery sign-in',
    }),
    holdFreeMs: count({
      default: defaultDelays.holdFreeMs,
      min: 0,
      max: yearMs,
      help: 'deactivation at once needs this long without a hold',
    }),
  },
  receipts: { lifeS: count({ default: 86_400, min: 60, max: 31_622_400, help: 'how long a receipt is valid' }) },
  tokens: {
    issuer: optionalText({ expected: 'the `iss` of account tokens', help: 'who issues account tokens' }),
    audience: text({ default: 'bandpass', help: '`aud` an account token must have' }),
    jwksFile: optionalPath({ expected: 'path of a JWK set', help: 'public keys of the token issuer, as a file' }),
    jwksUrl: optionalAddress({ help: 'public keys of the token issuer, fetched and cached' }),
    keysStaleMs: count({
      default: 3_600_000,
      min: 0,
      max: dayMs,
      help: 'how long the last keys of `tokens.jwksUrl` are used on when they cannot be read again, which is tried every ten minutes',
    }),
    accountClaim: text({
      default: 'sub',
      help: 'claim of a token that says whose account it is; dots lead into objects; `email` counts only with `email_verified`',
    }),
    leewayS: count({
      default: leewayDefaultS,
      min: 0,
      max: 120,
      help: "how far the issuer's clock may be from this one",
    }),
    local: choice({
      default: 'auto',
      of: ['auto', 'on', 'off'],
      help: 'accept tokens made by `bandpass token`; auto: when no other issuer is set, or with demo',
    }),
  },
  masterKeyFile: optionalPath({
    expected: 'path of a key file',
    help: 'master key, 0600, made when missing; BANDPASS_MASTER_KEY goes before it; default <data>/master.key',
  }),
  adminToken: optionalPath({
    expected: 'path of a file',
    help: 'token that admin requests show, 0600, made when missing; default <data>/admin-token',
  }),
  metrics: choice({
    default: 'token',
    of: ['token', 'open', 'off'],
    help: 'who may GET /metrics: who shows the token in <data>/metrics-token (0600, made when missing), everybody, nobody',
  }),
  health: {
    port: portOr({
      words: ['off'],
      default: 'off',
      help: 'a further port at `host` for /healthz and /readyz alone, also over HTTP/1.0, which the native listener refuses',
    }),
  },
  operators: {
    host: listenHost({ default: '127.0.0.1', help: "address that the operators' page listens on" }),
    port: portOr({
      words: ['auto', 'off'],
      default: 'auto',
      help: 'its port; auto: the one after `port`, else any that is free; off: no page',
    }),
    origin: optionalOrigin({
      help: 'where browsers find it, when a proxy stands before it; must be set when others than this machine may come',
    }),
    sessions: {
      idleMs: count({
        default: 30 * 60_000,
        min: 60_000,
        max: dayMs,
        help: 'a session ends without a request for so long',
      }),
      absoluteMs: count({
        default: 12 * 3_600_000,
        min: 60_000,
        max: 7 * dayMs,
        help: '... and after this, whatever happens',
      }),
    },
    oidc: {
      issuer: optionalAddress({ help: 'provider that operators may sign in with (OpenID Connect)' }),
      clientId: optionalText({
        expected: 'the client id at the provider',
        help: 'what the provider knows this engine as',
      }),
      clientSecretFile: optionalPath({ expected: 'path of a file', help: 'the client secret, 0600' }),
      clientAuth: choice({
        default: 'auto',
        of: oidcClientAuths,
        help: 'how the secret is shown: client_secret_basic, client_secret_post, or what the provider says it takes',
      }),
      scopes: text({
        default: 'openid profile email',
        help: 'scopes asked for, with openid among them',
        read: (written) => (written.split(/\s+/).includes('openid') ? written.split(/\s+/).join(' ') : undefined),
      }),
      rolesClaim: text({ default: 'roles', help: 'claim of the id token that has the roles; dots lead into objects' }),
      roles: roleMap("what the claim's values are worth; what is given replaces all"),
      name: text({ default: 'single sign-on', help: 'what operators call the provider' }),
    },
    alarms: alarmRules('when the page raises an alarm, by fields of its feed; what is given replaces all'),
  },
  journal: {
    segmentBytes: count({
      default: 64 * 1024 * 1024,
      min: 128 * 1024,
      max: 1024 ** 3,
      help: 'size of a journal segment, a multiple of 512',
    }),
    witness: optionalPath({
      expected: 'path of a file',
      help: 'a file on another disk that remembers how far the journal was: an old copy is then refused',
    }),
    recycle: truth({ default: true, help: 'use segments again that a verified backup holds' }),
    acceptRollback: truth({ default: false, help: 'start from a journal older than its witness; once, knowingly' }),
  },
  clock: {
    aheadMaxMs: count({
      default: 31 * 86_400_000,
      min: 3_600_000,
      max: 100 * 366 * 86_400_000,
      help: 'a start is refused when the clock is further ahead of the newest record; more once, knowingly, after a long stop',
    }),
    acceptBehind: count({
      default: 0,
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      help: 'lsn of a record that is ahead of the clock: journal time runs back to the clock; once, knowingly; 0 = none',
    }),
  },
  lists: {
    acceptOlder: truth({
      default: false,
      help: 'start with keys or lists older than the journal knows; once, knowingly',
    }),
  },
  view: {
    flushMs: count({ default: 5_000, min: 10, max: 60_000, help: 'changed rows leave for the view this often' }),
    flushRecords: count({
      default: 25_000,
      min: 1,
      max: 1_000_000,
      help: '... or after this many records, or twice as many rows that have a page of their own',
    }),
    mapBytes: count({
      default: 64 * 1024 ** 3,
      min: 1024 * 1024,
      // The engine and the thread that writes each map it: with more, the 47 bits of a process do not hold both.
      max: 2 ** 45,
      help: 'address space for the view, and so its largest size',
    }),
    approveBeforeProven: truth({
      default: false,
      help: 'approve after a crash before the view was found whole: a hold or a sum that vanished from it is not seen then',
    }),
  },
  thread: {
    goesFirst: truth({
      default: true,
      help: 'the deciding thread goes before other programs, where the system allows it (root, CAP_SYS_NICE)',
    }),
  },
  watchdog: {
    hangMs: count({
      default: 5_000,
      min: 0,
      max: 600_000,
      help: 'a process that hangs this long is killed; 0 = never',
    }),
  },
  network: {
    phone: {
      frames: rate(defaultLimits.kinds.phone.frames, 'messages of one phone'),
      bytes: rate(defaultLimits.kinds.phone.bytes, 'bytes of one phone'),
    },
    hub: {
      frames: rate(defaultLimits.kinds.hub.frames, 'messages of one hub'),
      bytes: rate(defaultLimits.kinds.hub.bytes, 'bytes of one hub'),
    },
    address: {
      connections: rate(defaultLimits.connectionsPerAddress, 'new connections of one address'),
      requests: rate(defaultLimits.requestsPerAddress, 'upgrades and plain requests of one address'),
      frames: rate(defaultLimits.framesPerAddress, 'messages of one address'),
      socketsMax: count({
        default: defaultLimits.socketsPerAddressMax,
        min: 1,
        max: most,
        help: 'sockets open from one address',
      }),
    },
    connectionsMax: count({
      default: defaultLimits.connectionsMax,
      min: 1,
      max: most,
      help: 'connections that are not sockets yet',
    }),
    socketsMax: count({ default: defaultLimits.socketsMax, min: 1, max: most, help: 'sockets open at once' }),
    bufferedBytesMax: count({
      default: defaultLimits.bufferedBytesMax,
      min: 1_024,
      max: most,
      help: 'bytes waiting for a peer that does not read',
    }),
    idleTimeoutMs: count({
      default: defaultLimits.idleTimeoutMs,
      min: 8_000,
      max: 960_000,
      help: 'a socket silent this long is cut',
    }),
    requestTimeoutMs: count({
      default: defaultLimits.requestTimeoutMs,
      min: 500,
      max: 60_000,
      help: 'how long an HTTP request may take',
    }),
  },
} as const

/** The shape of the list. */
export type SettingTree = { readonly [name: string]: Setting<unknown> | SettingTree }
type ValuesOf<Tree> =
  Tree extends Setting<infer Value> ? Value : { readonly [Name in keyof Tree]: ValuesOf<Tree[Name]> }

/** The whole configuration, validated and with every default filled in. */
export type ServerConfig = ValuesOf<typeof settings>

/** One setting with its three names. */
export type NamedSetting = {
  readonly path: string
  readonly environment: string
  readonly flag: string
  readonly setting: Setting<unknown>
}

/** Every setting, in the order of the list. */
export const namedSettings: readonly NamedSetting[] = namesOf(settings, [])

function namesOf(tree: SettingTree, above: readonly string[]): readonly NamedSetting[] {
  return Object.entries(tree).flatMap(([name, one]) => {
    const path = [...above, name]
    if (!isSetting(one)) return namesOf(one, path)
    const words = path.flatMap((part) => part.split(/(?=[A-Z])/))
    const environment = `BANDPASS_${words.join('_').toUpperCase()}`
    return [{ path: path.join('.'), environment, flag: words.join('-').toLowerCase(), setting: one }]
  })
}

export function isSetting(one: Setting<unknown> | SettingTree): one is Setting<unknown> {
  return one['kind'] === 'setting' && typeof one['read'] === 'function'
}
