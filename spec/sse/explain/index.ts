/** All explanations, by rule. */
import type { RuleId } from '../../model.ts'
import { auth } from './auth.ts'
import { backpressure } from './backpressure.ts'
import { caching } from './caching.ts'
import { concurrency } from './concurrency.ts'
import { cors } from './cors.ts'
import { delivery } from './delivery.ts'
import { encoding } from './encoding.ts'
import type { Explanation, Explanations } from './explanation.ts'
import { fields } from './fields.ts'
import { framing } from './framing.ts'
import { headers } from './headers.ts'
import { heartbeat } from './heartbeat.ts'
import { http1 } from './http1.ts'
import { ids } from './ids.ts'
import { lifecycle } from './lifecycle.ts'
import { resume } from './resume.ts'
import { retry } from './retry.ts'
import { status } from './status.ts'

const areas: Readonly<Record<string, Explanations>> = {
  framing, encoding, fields, ids, retry, resume, heartbeat, headers, status, lifecycle, delivery, backpressure, http1,
  concurrency, cors, caching, auth,
}

/** Every explanation by the id of its rule. */
export const explanations: ReadonlyMap<string, Explanation> = new Map(
  Object.entries(areas).flatMap(([area, slugs]) =>
    Object.entries(slugs).map(([slug, explanation]) => [`sse/${area}/${slug}`, explanation] as const)),
)

/** What is known of a rule beyond its own sentences; undefined for one that nobody has explained yet. */
export function explanationOf(rule: RuleId): Explanation | undefined {
  return explanations.get(rule)
}
