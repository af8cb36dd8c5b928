/** Where a secret of the request stands in what came back. */
import type { Place } from '../../model.ts'
import type { Connection } from '../exchange.ts'

/** As it is, as a URL and as a subprotocol write it. */
const forms = (secret: string): string[] =>
  [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64url')]

/** The place of a secret; a subprotocol that the target chose has a rule of its own, and is left out. */
export function reflection(connection: Connection, secret: string): Place | undefined {
  const received = Buffer.concat(connection.link.chunks.map(({ bytes }) => bytes)).toString('latin1')
  const chosen = connection.fieldPlace('sec-websocket-protocol')
  const isChosen = (byte: number): boolean =>
    connection.values('sec-websocket-protocol').length > 0 && byte >= (chosen.byte ?? 0) && byte < (chosen.byte ?? 0) + (chosen.length ?? 0)
  for (const form of forms(secret)) {
    for (let byte = received.indexOf(form); byte >= 0; byte = received.indexOf(form, byte + 1)) {
      if (!isChosen(byte)) return { link: connection.link.id, byte, length: form.length }
    }
  }
  return undefined
}

/** In which part of the answer a place is. */
export function partOf({ head, isOpen }: Connection, { byte = 0 }: Place): string {
  if (head === undefined || byte < head.span.end) return 'in the head'
  return isOpen ? 'in a frame' : 'in the body'
}
