/**
 * Pings, pongs, and what holds for all control frames.
 * https://www.rfc-editor.org/rfc/rfc6455#section-5.5
 */
import { session } from '../bytes.ts'
import type { Room } from '../model.ts'
import * as between from './control/between.ts'
import * as form from './control/form.ts'
import * as pongs from './control/pongs.ts'
import type { WsExchange } from './exchange.ts'

export const control: Room<WsExchange> = {
  id: 'ws/control',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-5.5',
  example: session(...pongs.links, ...form.links, ...between.links),
  rules: [...pongs.rules, ...form.rules, ...between.rules],
}
