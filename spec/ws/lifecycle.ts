/**
 * The life of connections, streams and channels: what starts, is cancelled, ends, and is heard by whom.
 * https://www.rfc-editor.org/rfc/rfc6455#section-7
 */
import type { Room } from '../model.ts'
import type { WsExchange } from './exchange.ts'
import { cancel } from './lifecycle/cancel.ts'
import { channel } from './lifecycle/channel.ts'
import { ends } from './lifecycle/ends.ts'
import { example } from './lifecycle/example.ts'
import { binaryUnsupported, messages } from './lifecycle/messages.ts'

export const lifecycle: Room<WsExchange> = {
  id: 'ws/lifecycle',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-7',
  example,
  rules: [...cancel, ...ends, ...messages, ...channel],
  notes: [binaryUnsupported],
}
