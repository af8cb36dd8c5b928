/**
 * Signs of life: those of the server, and what it makes of those of its peers.
 * https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2
 */
import type { Room } from '../model.ts'
import type { WsExchange } from './exchange.ts'
import { example } from './heartbeat/example.ts'
import { aboutPeers } from './heartbeat/peers.ts'
import { fromServer } from './heartbeat/server.ts'

export const heartbeat: Room<WsExchange> = {
  id: 'ws/heartbeat',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2',
  example,
  rules: [...fromServer, ...aboutPeers],
}
