/** For `npx vitest` and the proof of `npm test`; the rules of a target are shown by `harness/front.ts`. */
import { configDefaults, defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['suites/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'suites/target.test.ts'],
    pool: 'forks',
    // the kit keeps no state beside its runs: it is read once for all files of a worker
    isolate: false,
    // the long files mostly wait for servers: three of them share two cores well
    maxWorkers: 3,
    maxConcurrency: 12,
    testTimeout: 20_000,
    setupFiles: ['suites/held-up.ts'],
    retry: { count: 1, condition: /^this process was held up/ },
    expect: { poll: { timeout: 5000 } },
    // a log of CI has the message of a failure, and not its diff
    chaiConfig: { truncateThreshold: 400 },
  },
})
