/**
 * The opening handshake: what is taken, what is refused and how, and what the answer says.
 * https://www.rfc-editor.org/rfc/rfc6455#section-4.2
 */
import type { Room } from '../model.ts'
import type { WsExchange } from './exchange.ts'
import { answers } from './handshake/answers.ts'
import { example } from './handshake/example.ts'
import { offers } from './handshake/offers.ts'
import { refusals } from './handshake/refusals.ts'
import { tolerance } from './handshake/tolerance.ts'
import { versions } from './handshake/versions.ts'

export const handshake: Room<WsExchange> = {
  id: 'ws/handshake',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-4.2',
  example,
  rules: [...answers, ...refusals, ...versions, ...tolerance, ...offers],
}
