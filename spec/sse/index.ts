/** The rooms in reading order. */
import type { Room } from '../model.ts'
import type { Exchange } from './exchange.ts'
import { auth } from './auth.ts'
import { backpressure } from './backpressure.ts'
import { caching } from './caching.ts'
import { concurrency } from './concurrency.ts'
import { cors } from './cors.ts'
import { delivery } from './delivery.ts'
import { encoding } from './encoding.ts'
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

export const rooms: readonly Room<Exchange>[] = [
  framing, encoding, fields, ids, retry, resume, heartbeat, headers, status, lifecycle, delivery, backpressure, http1, concurrency, auth,
  cors, caching,
]
