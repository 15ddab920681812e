// App shell around every page: navigation, who is signed in, the state of the feed, and banners that every operator must see.

import { OpenActDialog, closeAct } from '../parts/act-button.tsx'
import { valueOf } from '../state/feed-points.ts'
import { session } from '../state/api.ts'
import { alarms, connection, isStale, latest, restartedAtMs, tick, toldAtMs, tryNow } from '../state/live.ts'
import { Tag, Time } from '../parts/parts.tsx'
import { type ComponentChildren, useEffect, useRef } from '../state/preact.ts'
import { hasRole } from '../state/roles.ts'
import type { Route } from './parse-route.ts'
import { route } from './route.ts'
import { chooseTheme, theme, themes } from '../parts/theme.ts'
import { formatDuration } from '../parts/times.ts'
import { signOut } from '../pages/you.tsx'

type Place = { readonly href: string; readonly name: string; readonly pages: readonly Route['page'][] }

const places: readonly Place[] = [
  { href: '/', name: 'Fleet', pages: ['fleet'] },
  { href: '/bands', name: 'Bands', pages: ['bands', 'band'] },
  { href: '/decisions', name: 'Decisions', pages: ['decisions', 'decision'] },
  { href: '/replay', name: 'Replay', pages: ['replay'] },
  { href: '/proposals', name: 'Proposals', pages: ['proposals'] },
  { href: '/vendors', name: 'Vendors', pages: ['vendors'] },
  { href: '/partners', name: 'Partners', pages: ['partners'] },
  { href: '/settings', name: 'Settings', pages: ['settings'] },
]
const adminPlaces: readonly Place[] = [{ href: '/operators', name: 'Operators', pages: ['operators'] }]

export function Shell({ children }: { readonly children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null)
  const nav = useRef<HTMLElement>(null)
  const isFirst = useRef(true)
  const { page } = route.value
  useEffect(closeAct, [route.value])
  useEffect(() => (nav.current === null ? undefined : keepCurrentShown(nav.current)), [page])
  useEffect(() => {
    const heading = main.current?.querySelector('h1')?.textContent ?? ''
    document.title = heading === '' ? 'Bandpass' : `${heading} · Bandpass`
    // Focus management: a reader who follows a link by keyboard or ear starts at the top of the new page, but not when it is first loaded.
    if (isFirst.current) isFirst.current = false
    else main.current?.focus({ preventScroll: true })
  }, [page])
  return (
    <div class="shell">
      <a class="skip" href="#content">
        To the content
      </a>
      <header class="top">
        <a class="brand" href="/">
          Bandpass
        </a>
        <FeedState />
        <ThemeSwitch />
        <Who />
      </header>
      <nav aria-label="Pages" class="places" ref={nav}>
        <ul>
          {[...places, ...(hasRole('admin') ? adminPlaces : [])].map((place) => (
            <li key={place.href}>
              <a href={place.href} aria-current={place.pages.includes(page) ? 'page' : undefined}>
                {place.name}
                {place.href === '/' && alarms.value.length > 0 && <Tag tone="bad">{alarms.value.length}</Tag>}
                {place.href === '/proposals' && <Waiting />}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <main id="content" ref={main} tabIndex={-1}>
        <Banners />
        {/* What may not be so any more looks so, whatever page it is on. */}
        <div class={isStale.value ? 'page stale' : 'page'}>{children}</div>
      </main>
      <OpenActDialog />
    </div>
  )
}

/** On a narrow screen the places are a row that scrolls: where one is stands in its middle. */
function keepCurrentShown(nav: HTMLElement): () => void {
  // Their row grows when it is known who is signed in, and when something waits.
  const observer = new ResizeObserver(() => showCurrent(nav))
  for (const one of [nav, ...nav.children]) observer.observe(one)
  return () => observer.disconnect()
}

function showCurrent(nav: HTMLElement): void {
  const current = nav.querySelector('[aria-current]')
  if (!(current instanceof HTMLElement)) return
  nav.scrollLeft = current.offsetLeft - (nav.clientWidth - current.offsetWidth) / 2
}

/** How many acts wait for a second operator: others propose while this page is open. */
function Waiting() {
  const waiting = valueOf(latest.value, 'proposals') ?? 0
  return (
    <span role="status">
      {waiting > 0 && (
        <Tag tone="warn">
          {waiting}
          <span class="unseen"> waiting for a second operator</span>
        </Tag>
      )}
    </span>
  )
}

/** How the feed is: the words are spoken when they change in kind, the seconds are only seen. */
function FeedState() {
  const state = connection.value
  const ageMs = tick.value - toldAtMs.value
  const isSilent = state.type === 'live' && isStale.value
  const [tone, text] =
    state.type === 'live'
      ? isSilent
        ? (['warn', 'silent'] as const)
        : (['good', 'live'] as const)
      : ([state.type === 'lost' ? 'bad' : 'warn', state.type === 'lost' ? 'lost' : 'connecting'] as const)
  return (
    <p class={`feed ${tone}`}>
      <span class="dot" aria-hidden="true" />
      <span role="status">{text}</span>
      {isSilent && <span class="muted number"> last data {formatDuration(ageMs)} ago</span>}
    </p>
  )
}

function Banners() {
  const state = connection.value
  const restarted = restartedAtMs.value
  const draining = valueOf(latest.value, 'draining') ?? 0
  // One part that stays in sight, with all of them below each other: none covers another.
  return (
    <div class="banners">
      {state.type === 'lost' && (
        <div class="notice bad banner">
          <p>
            <strong role="alert">The engine cannot be reached; it may be restarting.</strong>{' '}
            {toldAtMs.value > 0 && <>What is shown is {formatDuration(tick.value - toldAtMs.value)} old. </>}
            Trying again {inText(state.againAtMs - tick.value)}.
          </p>
          <button type="button" onClick={tryNow}>
            Try now
          </button>
        </div>
      )}
      {draining > 0 && (
        <p class="notice warn banner" role="status">
          <span>
            {state.type === 'lost' ? (
              <>
                <strong>It drained for maintenance</strong> when it was last heard of.
              </>
            ) : (
              <>
                <strong>Draining for maintenance:</strong> the engine takes no new sessions and tells phones to come
                back later.
              </>
            )}
          </span>
        </p>
      )}
      {restarted !== undefined && state.type === 'live' && (
        <div class="notice banner" role="status">
          <p>
            The engine restarted: <Time atMs={restarted} />. Counts since its start begin again.
          </p>
          <button
            type="button"
            onClick={() => {
              restartedAtMs.value = undefined
            }}
          >
            Understood
          </button>
        </div>
      )}
    </div>
  )
}

function ThemeSwitch() {
  return (
    <label class="theme">
      <span class="unseen">Colours</span>
      <select
        value={theme.value}
        onChange={(event) => {
          const chosen = themes.find((one) => one === event.currentTarget.value)
          if (chosen !== undefined) chooseTheme(chosen)
        }}
      >
        <option value="system">As the system</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  )
}

function Who() {
  const { value } = session
  if (value?.signedIn !== true) return null
  return (
    <p class="who">
      <a href="/you">{value.name}</a> <span class="muted">{value.role}</span>{' '}
      <button type="button" class="link" onClick={() => void signOut()}>
        Sign out
      </button>
    </p>
  )
}

function inText(ms: number): string {
  return ms <= 1_000 ? 'now' : `in ${Math.ceil(ms / 1000)} s`
}
