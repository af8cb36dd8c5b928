/** Wrong in who may connect to a socket, and in what a token is worth. */
import { bearerToken } from '../auth.ts'
import type { Hooks } from '../hooks.ts'
import { protocolToken } from '../socket/protocols.ts'
import { onAnswer } from './makers.ts'
import { onSocket } from './socket.ts'

export const socketAccess = {
  /** made for clients that are no browser: whoever names a page is refused */
  pagesRefused: onSocket(() => ({ admits: (origin) => origin === undefined })),
  /** made for browsers, which cannot set the field */
  socketBearerUnread: onSocket(() => ({
    token: (request) => new URLSearchParams(request.query).get('token') ?? protocolToken(request),
  })),
  socketQueryUnread: onSocket(() => ({ token: (request) => bearerToken({ ...request, query: '' }) ?? protocolToken(request) })),
  subprotocolUnread: onSocket(() => ({ token: bearerToken })),
  /** browsers fail a connection for which they offered subprotocols and got none */
  subprotocolUnanswered: onSocket(() => ({ protocol: () => ({}) })),
  ticketReused: onSocket(() => ({ spend: () => {} })),
  /** whoever says nothing stays */
  silentKept: onSocket(() => ({ silent: () => {} })),
  /** the channel is heard before anybody knows by whom */
  heardByAnybody: onSocket(() => ({ stranger: (hear) => hear() })),
  /** the name of a stream is enough to cancel it */
  cancelledByAnybody: onSocket(() => ({ mayCancel: () => true })),
  /** what comes while a token is looked up finds nobody */
  lookupSlow: onSocket(() => ({ known: (enter) => void setTimeout(enter, 100) })),
  /** for debugging: the error says what was wrong with the request */
  refusalEchoes: (right) => onAnswer((answer, request) => {
    const given = right.socket.token(request)
    return answer.status === 401 && given !== undefined && 'fields' in answer
      ? { ...answer, fields: { ...answer.fields, 'X-Rejected-Token': given } } : answer
  })(right),
} satisfies Record<string, (right: Hooks) => Hooks>
