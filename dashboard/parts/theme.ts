// Colour scheme, light or dark: as the reader's system says, unless they chose; the choice is remembered by this browser.

import { signal } from '../state/signals.ts'

export type Theme = 'system' | 'light' | 'dark'
export const themes: readonly Theme[] = ['system', 'light', 'dark']

const key = 'bandpass.theme'

/** The colour scheme that the reader chose. */
export const theme = signal<Theme>(remembered())

const systemIsDark = matchMedia('(prefers-color-scheme: dark)')

/** Whether the scheme in effect is dark: for canvases, which are drawn and not styled. */
export const isDark = signal(seen())

/** Chooses, and remembers. */
export function chooseTheme(chosen: Theme): void {
  apply(chosen)
  theme.value = chosen
  isDark.value = seen()
  try {
    localStorage.setItem(key, chosen)
  } catch {
    // A browser that keeps nothing forgets it with the page.
  }
}

/** Shows the page in what was chosen before, and follows the system. */
export function applyTheme(): void {
  apply(theme.value)
  systemIsDark.addEventListener('change', () => {
    isDark.value = seen()
  })
}

function seen(): boolean {
  return theme.value === 'system' ? systemIsDark.matches : theme.value === 'dark'
}

function apply(chosen: Theme): void {
  if (chosen === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = chosen
}

function remembered(): Theme {
  try {
    const kept = localStorage.getItem(key)
    return themes.find((one) => one === kept) ?? 'system'
  } catch {
    return 'system'
  }
}
