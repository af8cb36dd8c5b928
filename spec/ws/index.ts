/** The rooms in reading order. */
import type { Room } from '../model.ts'
import { control } from './control.ts'
import type { WsExchange } from './exchange.ts'
import { handshake } from './handshake.ts'
import { utf8 } from './utf8.ts'

export const rooms: readonly Room<WsExchange>[] = [handshake, control, utf8]
