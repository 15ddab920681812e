// Three groups of tests: everything that lies beside code, the end-to-end runs that start a real server, and what is looked at
// in a real browser. Each may be run by folder: `vitest run policy`.
import { defineConfig } from 'vitest/config'

const generated = ['**/node_modules/**', '.build/**', '.node/**']
const endToEnd = ['test/end-to-end/**/*.test.ts']
const inBrowser = ['test/browser/**/*.test.ts']

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'folders',
          include: ['**/*.test.ts'],
          exclude: [...generated, ...endToEnd, ...inBrowser],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'end-to-end',
          include: endToEnd,
          exclude: generated,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: inBrowser,
          exclude: generated,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
