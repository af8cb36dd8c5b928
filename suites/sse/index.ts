/** The areas in reading order. */
import type { Suite } from '../stimulus.ts'
import { encoding } from './encoding.ts'
import { fields } from './fields.ts'
import { framing } from './framing.ts'
import { headers } from './headers.ts'
import { http1 } from './http1.ts'
import { lifecycle } from './lifecycle.ts'
import { status } from './status.ts'

export const suites: readonly Suite[] = [framing, encoding, fields, headers, status, lifecycle, http1]
