/**
 * Origins: from which pages a browser may connect. CORS does not guard WebSockets; the server has to.
 * https://www.rfc-editor.org/rfc/rfc6455#section-10.2
 */
import type { Note, Room } from '../model.ts'
import type { WsExchange } from './exchange.ts'
import { example } from './origin/example.ts'
import { pages } from './origin/pages.ts'
import { rules } from './origin/rules.ts'

const any: Note<WsExchange> = {
  id: 'ws/origin/any',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-10.2',
  says: 'whether pages of any origin may connect',
  record: (exchange) => (pages(exchange, 'page/any').some(({ isOpen }) => isOpen) ? ['pages of any origin may connect'] : []),
}

export const origin: Room<WsExchange> = {
  id: 'ws/origin',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-10.2',
  example,
  rules,
  notes: [any],
}
