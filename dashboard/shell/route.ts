// Client-side router (History API): the path says which page, so that every page can be linked to and gone back from.

import { type Route, parseRoute } from './parse-route.ts'
import { signal } from '../state/signals.ts'

/** The current route. */
export const route = signal<Route>(parseRoute(location.pathname, location.search))

/** Navigates to a path of this page. */
export function goTo(href: string): void {
  history.pushState(null, '', href)
  arrive()
  scrollTo(0, 0)
}

/** Says where the reader is without a new step of the history. */
export function stayAt(href: string): void {
  history.replaceState(null, '', href)
  arrive()
}

/** Follows the links of the page and the browser's back and forward from now on. */
export function followLinks(): void {
  addEventListener('popstate', arrive)
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (link === null || link.origin !== location.origin) return
    if (link.hasAttribute('download') || link.hasAttribute('data-leaves') || link.target !== '') return
    if (link.getAttribute('href')?.startsWith('#') === true) return
    event.preventDefault()
    goTo(link.pathname + link.search)
  })
}

function arrive(): void {
  route.value = parseRoute(location.pathname, location.search)
}
