// Vitest's configuration, with three projects: unit tests beside the code, end-to-end runs that start a real server, and tests in a
// real browser. Each may be run by folder: `vitest run policy`. A long run has the tests with budgets alone.
import { type TestProjectInlineConfiguration, defineConfig } from 'vitest/config'
import { checkVariables, isLongRun, longTests } from './test/support/budgets.ts'
import { LongestFirst } from './test/support/longest-first.ts'

// A variable that does not fit ends a run before it begins.
checkVariables()

const generated = ['**/node_modules/**', '.build/**', '.node/**']
const endToEnd = ['test/end-to-end/**/*.test.ts']
const inBrowser = ['test/browser/**/*.test.ts']

const folders = {
  extends: true as const,
  test: {
    name: 'folders',
    // A process takes one file after the other: what they import is loaded once, not some hundred times.
    isolate: false,
    include: isLongRun() ? [...longTests] : ['**/*.test.ts'],
    exclude: [...generated, ...endToEnd, ...inBrowser],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
} satisfies TestProjectInlineConfiguration
const ends = {
  extends: true as const,
  test: {
    name: 'end-to-end',
    include: isLongRun() ? longTests.filter((path) => path.startsWith('test/end-to-end/')) : endToEnd,
    exclude: generated,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
} satisfies TestProjectInlineConfiguration
const browser = {
  extends: true as const,
  test: {
    name: 'browser',
    include: inBrowser,
    exclude: generated,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
} satisfies TestProjectInlineConfiguration

export default defineConfig({
  test: {
    pool: 'forks',
    // Twice as many as most machines of CI have cores: the long ones wait as much as they compute.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    env: { NODE_OPTIONS: `--import=${new URL('./test/support/strip-cache.mjs', import.meta.url).href}` },
    projects: isLongRun() ? [folders, ends] : [folders, ends, browser],
  },
})
