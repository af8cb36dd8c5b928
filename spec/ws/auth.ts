/**
 * Credentials: who is turned away and how, by what ways a token comes, and for how long it is worth something.
 * https://www.rfc-editor.org/rfc/rfc6455#section-10.5
 */
import type { Room } from '../model.ts'
import { example } from './auth/example.ts'
import { firstMessage } from './auth/first-message.ts'
import { lifetime } from './auth/lifetime.ts'
import { refusals } from './auth/refusals.ts'
import { ways } from './auth/ways.ts'
import type { WsExchange } from './exchange.ts'

export const auth: Room<WsExchange> = {
  id: 'ws/auth',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-10.5',
  example,
  rules: [...refusals, ...ways, ...firstMessage, ...lifetime],
}
