/** Agrees on permessage-deflate as RFC 7692 says; a fault replaces one of the choices. */
import { flawOf, parameter, extensionName } from '../../../spec/ws/deflate/offer.ts'
import { Deflater, type Compression } from '../../../spec/ws/deflater.ts'
import { Inflater, memoryOf, type Inflated, type Memory } from '../../../spec/ws/inflate.ts'
import { deflateOf, extensions, isExtensionList, type Deflate, type Extension } from '../../../spec/ws/upgrade.ts'
import { valuesOf, type Request } from './handshake.ts'
import type { Terms } from './hooks.ts'

/** What there is to choose, and to get wrong. */
export interface Choices {
  readonly accepts: (offer: Extension) => boolean
  /** parameters of the answer, as they are written */
  readonly answer: (offer: Extension) => readonly string[]
  readonly compression: (agreed: Deflate) => Compression
  readonly memory: (agreed: Deflate) => Memory
  /** a message that was read: undefined when it is taken for unreadable; `count`: the number of messages before it */
  readonly read: (inflated: Inflated, count: number, agreed: Deflate) => Uint8Array | undefined
  /** what goes out of a message */
  readonly written: (compressed: Uint8Array) => Uint8Array
}

const parameters = ['server_no_context_takeover', 'client_no_context_takeover', 'server_max_window_bits', 'client_max_window_bits']

/** What a right server chooses. */
export const right: Choices = {
  accepts: (offer) => flawOf(offer) === undefined,
  answer: (offer) => parameters.flatMap((name) => {
    const value = parameter(offer, name)
    // a client that says only that it could use a smaller window is not told to
    if (value === undefined || (value === true && name === 'client_max_window_bits')) return []
    return [value === true ? name : `${name}=${value}`]
  }),
  compression: ({ serverMaxWindowBits, serverNoContextTakeover }) => ({ windowBits: serverMaxWindowBits, takeover: !serverNoContextTakeover }),
  memory: (agreed) => memoryOf(agreed, 'client'),
  read: ({ payload }) => payload,
  written: (compressed) => compressed,
}

/** The offers of permessage-deflate in a request. */
export function offered(request: Request): Extension[] {
  const value = valuesOf(request, 'sec-websocket-extensions').join(', ')
  return isExtensionList(value) ? extensions(value).filter(({ name }) => name === extensionName) : []
}

/** Agrees on the first acceptable offer. `most`: bytes of a decompressed message. */
export const deflating = (wrong: Partial<Choices> = {}) => (request: Request, most: number): Terms => {
  const choices = { ...right, ...wrong }
  const offer = offered(request).find(choices.accepts)
  if (!offer) return { fields: [] }
  const answer = [extensionName, ...choices.answer(offer)].join('; ')
  // what is really done is what was asked, whatever the answer says
  const agreed = deflateOf([offer])
  if (!agreed) throw new RangeError('an offer of permessage-deflate is none')
  const deflater = new Deflater(choices.compression(agreed))
  const inflater = new Inflater(choices.memory(agreed))
  let count = 0
  let overflowed = false
  return {
    fields: [`Sec-WebSocket-Extensions: ${answer}`],
    deflate: (payload) => choices.written(deflater.message(payload)),
    inflate: (payload) => {
      const inflated = inflater.read(payload, most)
      if ('payload' in inflated) return choices.read(inflated, count++, agreed)
      overflowed = inflated.tooLarge === true
      return undefined
    },
    isTooLarge: () => overflowed,
  }
}
