/** For `npx vitest` and the proof of `npm test`; the rules of a target are shown by `harness/front.ts`. */
import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take longest, which begin first: one that begins last leaves the other workers without work. */
const longest = ['servers', 'ws-mutants', 'client-peers', 'mutants', 'ws-streams', 'floods', 'ws-hostile', 'client']

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = longest.findIndex((name) => moduleId.endsWith(`suites/${name}.test.ts`))
      return place < 0 ? longest.length : place
    }
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  test: {
    include: ['suites/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'suites/target.test.ts'],
    pool: 'forks',
    // the long files mostly wait for servers: three of them share two cores well
    maxWorkers: 3,
    maxConcurrency: 10,
    testTimeout: 20_000,
    expect: { poll: { timeout: 5000 } },
    sequence: { sequencer: LongestFirst },
  },
})
