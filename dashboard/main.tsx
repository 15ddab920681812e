// Entry point of the operators' page (single-page app): a visitor who is not signed in is asked to; all others see the page that the
// address names.

import { readSession, session } from './state/api.ts'
import { BandPage } from './band/band.tsx'
import { BandsPage } from './band/bands.tsx'
import { after, every } from './state/clock.ts'
import { DecisionPage, DecisionsPage } from './decisions/decisions.tsx'
import { FleetPage } from './pages/fleet.tsx'
import { OperatorsPage, PartnersPage, SettingsPage } from './pages/lists.tsx'
import { startFeed, stopFeed } from './state/live.ts'
import { Empty } from './parts/parts.tsx'
import { render } from './state/preact.ts'
import { ProposalsPage } from './pages/proposals.tsx'
import { ReplayPage } from './decisions/replay.tsx'
import type { Route } from './shell/parse-route.ts'
import { followLinks, route } from './shell/route.ts'
import { Shell } from './shell/shell.tsx'
import { SignInPage } from './pages/sign-in.tsx'
import { effect } from './state/signals.ts'
import { applyTheme } from './parts/theme.ts'
import { VendorsPage } from './pages/vendors.tsx'
import { YouPage } from './pages/you.tsx'

/** How often the page asks whether the session is still good, so that an ended one is noticed on a quiet page too. */
const sessionEveryMs = 60_000
const beginAgainMs = 2_000

applyTheme()
followLinks()
effect(() => {
  if (session.value?.signedIn === true) startFeed()
  else stopFeed()
})
every(sessionEveryMs, () => void readSession())
void begin()

const root = document.getElementById('app')
if (root !== null) render(<App />, root)

/** Asks who is signed in, until the engine says. */
async function begin(): Promise<void> {
  await readSession()
  if (session.value === undefined) after(beginAgainMs, () => void begin())
}

function App() {
  const { value } = session
  if (value === undefined) return <p class="empty starting">Asking the engine …</p>
  if (!value.signedIn) return <SignInPage {...value} />
  return (
    <Shell>
      <Page route={route.value} />
    </Shell>
  )
}

function Page({ route }: { readonly route: Route }) {
  switch (route.page) {
    case 'fleet':
      return <FleetPage />
    case 'bands':
      return <BandsPage name={route.name} />
    case 'band':
      return <BandPage key={route.bandId} bandId={route.bandId} />
    case 'decisions':
      return <DecisionsPage query={route.query} />
    case 'decision':
      return <DecisionPage lsn={route.lsn} />
    case 'replay':
      return <ReplayPage key={route.lsn} lsn={route.lsn} />
    case 'proposals':
      return <ProposalsPage />
    case 'partners':
      return <PartnersPage />
    case 'vendors':
      return <VendorsPage />
    case 'settings':
      return <SettingsPage />
    case 'operators':
      return <OperatorsPage />
    case 'you':
      return <YouPage />
    case 'unknown':
      return (
        <>
          <h1>No such page</h1>
          <Empty>
            There is nothing at this address. <a href="/">To the fleet</a>
          </Empty>
        </>
      )
  }
}
