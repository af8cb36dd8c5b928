/**
 * Credentials: who is turned away and how, what a token opens and for how long, and what it must not show.
 * https://www.rfc-editor.org/rfc/rfc9110#section-11
 */
import type { Room } from '../model.ts'
import { boundaries } from './auth/boundaries.ts'
import { example } from './auth/example.ts'
import { lifetime, notes } from './auth/lifetime.ts'
import { refusals } from './auth/refusals.ts'
import type { Exchange } from './exchange.ts'

export const auth: Room<Exchange> = {
  id: 'sse/auth',
  clause: 'https://www.rfc-editor.org/rfc/rfc9110#section-11',
  example,
  rules: [...refusals, ...lifetime, ...boundaries],
  notes,
}
