/**
 * Coming back: a connection is lost, and the client goes on where it was. No RFC asks it of anybody; the contract does.
 * https://www.rfc-editor.org/rfc/rfc6455#section-7.2.3
 */
import type { Room } from '../model.ts'
import type { WsExchange } from './exchange.ts'
import { example } from './resume/example.ts'
import { refusal } from './resume/refusal.ts'
import { suffix } from './resume/suffix.ts'

export const resume: Room<WsExchange> = {
  id: 'ws/resume',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-7.2.3',
  example,
  rules: [...suffix, ...refusal],
}
