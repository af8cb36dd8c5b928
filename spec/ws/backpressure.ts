/**
 * Backpressure: what happens when one side sends faster than the other one reads.
 * https://www.rfc-editor.org/rfc/rfc6455#section-10.4
 */
import type { Room } from '../model.ts'
import { example } from './backpressure/example.ts'
import { rules } from './backpressure/rules.ts'
import type { WsExchange } from './exchange.ts'

export const backpressure: Room<WsExchange> = {
  id: 'ws/backpressure',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-10.4',
  example,
  rules,
}
