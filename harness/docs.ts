/** `npm run docs`: writes the generated pages. */
import { writeFileSync } from 'node:fs'
import { packageFile } from './recipes.ts'
import { rulesPage, traceabilityPage } from './trace.ts'

writeFileSync(packageFile('docs/rules.md'), rulesPage())
writeFileSync(packageFile('docs/traceability.md'), traceabilityPage())
