/**
 * Limits: how much a target takes, and what becomes of more.
 * https://www.rfc-editor.org/rfc/rfc6455#section-10.4
 */
import type { Room } from '../model.ts'
import type { WsExchange } from './exchange.ts'
import { example } from './limits/example.ts'
import { loadLimits, notes } from './limits/load.ts'
import { messageLimits } from './limits/messages.ts'

export const limits: Room<WsExchange> = {
  id: 'ws/limits',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-10.4',
  example,
  rules: [...messageLimits, ...loadLimits],
  notes,
}
