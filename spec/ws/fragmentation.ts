/**
 * Fragments: messages in several frames.
 * https://www.rfc-editor.org/rfc/rfc6455#section-5.4
 */
import { session } from '../bytes.ts'
import type { Room } from '../model.ts'
import type { WsExchange } from './exchange.ts'
import * as messages from './fragmentation/messages.ts'
import * as order from './fragmentation/order.ts'

export const fragmentation: Room<WsExchange> = {
  id: 'ws/fragmentation',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-5.4',
  example: session(...messages.links, ...order.links),
  rules: [...messages.rules, ...order.rules],
}
