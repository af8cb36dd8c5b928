/** For how long a token is worth something, and for what. https://www.rfc-editor.org/rfc/rfc6455#section-10.5 */
import { tokenGraceMs } from '../../contract/contract.ts'
import type { Finding, Rule } from '../../model.ts'
import { heldOpen, says } from '../bytes.ts'
import type { WsExchange } from '../exchange.ts'
import { commands, replies } from '../talk.ts'
import { isFresh, outcomeOf, visits } from './access.ts'
import { letIn, says as tells } from './example.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const expiryMidConnection: Rule<WsExchange> = {
  id: 'ws/auth/expiry-mid-connection',
  level: 'advice',
  promisedBy: 'socketAuth',
  clause: `${rfc}#section-10.5`,
  says: `a connection ends within ${tokenGraceMs} ms after its token has expired or was revoked`,
  harm: 'who was locked out goes on reading, for as long as the connection holds: for days',
  fix: 'keep the expiry beside the connection and set a timer for it; on revocation close the connections of that token',
  check: (exchange) => visits(exchange).filter((visit) => isFresh(visit) && visit.connection.isOpen).flatMap(({ connection, issued }): Finding[] => {
    const endedAt = connection.close?.frame.at ?? connection.link.ended.at
    const ms = Math.round(Math.max(0, endedAt - issued.overAt))
    const ended = outcomeOf(connection) === 'ended'
    if (ended ? endedAt < issued.validUntil : ms < tokenGraceMs) return []
    return [{
      where: connection.endPlace, ok: ended && ms <= tokenGraceMs, expected: `the end within ${tokenGraceMs} ms`,
      actual: ended ? `after ${ms} ms` : `open after ${ms} ms`,
    }]
  }),
  mutants: {
    'kept': { edit: letIn('revoked', { ended: { at: 2900, by: 'kit', how: 'window' } }), fault: 'tokenOnlyFirst' },
    'kept after the expiry': { edit: (transcript) => heldOpen('expired', 3000)(letIn('expired')(transcript)) },
  },
}

const perMessage: Rule<WsExchange> = {
  id: 'ws/auth/per-message',
  level: 'advice',
  promisedBy: 'socketAuth',
  clause: `${rfc}#section-10.5`,
  says: 'one user cannot cancel the stream of another',
  harm: 'whoever has an account ends, or reads, what others do, by trying names',
  fix: 'look up what a message names among what belongs to the user of the connection, not among all there is',
  check: (exchange) => {
    const all = visits(exchange)
    return all.flatMap(({ connection: stranger, issued: { user } }) => commands(stranger, 'cancel').flatMap(({ members: { stream } }): Finding[] => {
      const owner = all.find((one) => one.issued.user !== user && commands(one.connection, 'start').some(({ members }) => members['stream'] === stream))
      const last = owner && replies(owner.connection).findLast(({ type, members }) => members['stream'] === stream && type !== 'chunk')
      if (!owner || !last || !stranger.isOpen) return []
      const [frame] = last.message.frames
      const cancelled = last.type === 'cancelled'
      return [{
        where: frame ? owner.connection.place(frame) : owner.connection.endPlace, ok: !cancelled,
        expected: 'the stream of its owner as it was', actual: cancelled ? 'cancelled by another user' : 'that',
      }]
    }))
  },
  mutants: {
    'cancelled': { edit: says('owner', [tells({ type: 'cancelled', stream: 's1' })]), fault: 'cancelledByAnybody' },
  },
}

export const lifetime: readonly Rule<WsExchange>[] = [expiryMidConnection, perMessage]
