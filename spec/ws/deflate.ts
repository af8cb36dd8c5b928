/**
 * Compression of messages: permessage-deflate.
 * https://www.rfc-editor.org/rfc/rfc7692
 */
import type { Room } from '../model.ts'
import { example } from './deflate/example.ts'
import { faultRules, notes } from './deflate/faults.ts'
import { messages } from './deflate/messages.ts'
import { negotiation } from './deflate/negotiation.ts'
import type { WsExchange } from './exchange.ts'

export const deflate: Room<WsExchange> = {
  id: 'ws/deflate',
  clause: 'https://www.rfc-editor.org/rfc/rfc7692',
  example,
  rules: [...negotiation, ...messages, ...faultRules],
  notes,
}
