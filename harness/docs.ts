/** `npm run docs`: writes the generated pages. */
import { writeFileSync } from 'node:fs'
import { autobahnPage } from './autobahn/page.ts'
import { packageFile } from './recipes.ts'
import { rulesPage, traceabilityPage } from './trace.ts'

writeFileSync(packageFile('docs/rules.md'), rulesPage())
writeFileSync(packageFile('docs/traceability.md'), traceabilityPage())
writeFileSync(packageFile('docs/autobahn.md'), autobahnPage())
