/**
 * Frames: lengths, reserved bits, opcodes, and that TCP may cut them anywhere.
 * https://www.rfc-editor.org/rfc/rfc6455#section-5.2
 */
import { session } from '../bytes.ts'
import type { Room } from '../model.ts'
import type { WsExchange } from './exchange.ts'
import * as echoed from './framing/echoed.ts'
import * as faults from './framing/faults.ts'
import * as header from './framing/header.ts'
import * as segments from './framing/segments.ts'

export const framing: Room<WsExchange> = {
  id: 'ws/framing',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-5.2',
  example: session(...echoed.links, ...header.links, ...segments.links, ...faults.links),
  rules: [...echoed.rules, ...header.rules, ...segments.rules, ...faults.rules],
}
