/** Messages that are too long, or come in too many parts. https://www.rfc-editor.org/rfc/rfc6455#section-10.4 */
import type { Finding, Rule, Scene } from '../../model.ts'
import { says, silenced } from '../bytes.ts'
import { isSame, paired, sentMessages, waited } from '../echoes.ts'
import { type Connection, type WsExchange, withRole } from '../exchange.ts'
import { server } from '../frame.ts'
import { endedFirst } from '../reaction.ts'
import { attempts, fateOf, limitOf, spoken, unknownLimit, type Attempt } from '../limit.ts'

const clause = 'https://www.rfc-editor.org/rfc/rfc6455#section-10.4'

/** Each of these messages ends its connection; when the limit is not known, one that goes on is no fault. */
const mustRefuse = (tries: readonly Attempt[], limit: number | undefined): Finding[] => tries.flatMap(({ connection, announced }) => {
  const fate = fateOf(connection)
  if (fate === 'unclear' || (fate === 'taken' && limit === undefined)) return []
  return [{
    where: connection.endPlace,
    ok: fate === 'refused',
    expected: limit === undefined ? 'the end of the connection' : `the end of the connection beyond ${limit} bytes`,
    actual: `${spoken(connection)} after ${announced} bytes`,
  }]
})

/** For `applies`: what only a known limit can show. */
const withLimit = ({ declares }: Scene<WsExchange>): string | undefined =>
  (declares.maxMessageBytes === undefined ? 'only a driver that declares maxMessageBytes can show it' : undefined)

/** bytes; what is sent in fragments to a target that does not say how much it takes */
const probing = 1024 * 1024
/** a length from which on no message is taken by anybody */
const huge = 2n ** 32n
/** more than a message is cut into for other reasons */
const manyPieces = 1000

const inOne = ({ frames }: Attempt): boolean => frames.length === 1
const isSent = ({ announced, came }: Attempt): boolean => announced === BigInt(came)

const isProbed = (exchange: WsExchange): boolean => attempts(exchange).some(({ came }) => came >= probing)

const maxMessage: Rule<WsExchange> = {
  id: 'ws/limits/max-message',
  level: 'must',
  promisedBy: 'maxMessageBytes',
  clause,
  says: 'a message beyond the limit ends the connection and is not delivered',
  harm: 'one client can make the server hold as much memory as it likes',
  fix: 'set a limit that fits the application (maxPayload in ws: its default of 100 MiB is no limit; maxPayloadLength in uWebSockets.js, max_size in websockets)',
  inconclusive: unknownLimit(isProbed),
  check: (exchange) => {
    const limit = limitOf(exchange)
    const tries = attempts(exchange).filter((one) => one.frames.length < manyPieces && one.announced < huge && isSent(one))
    return limit === undefined
      ? mustRefuse(tries.filter(({ came }) => came >= probing), undefined)
      : mustRefuse(tries.filter((one) => inOne(one) && one.came > limit), limit)
  },
  mutants: {
    'taken': { edit: says('over', [server.binary(new Uint8Array(4097))]), fault: 'unlimited' },
    'no reaction': { edit: silenced('over') },
  },
}

const atLimitAccepted: Rule<WsExchange> = {
  id: 'ws/limits/at-limit-accepted',
  level: 'must',
  promisedBy: 'maxMessageBytes',
  clause,
  says: 'a message of exactly the limit is taken',
  harm: 'clients that keep to the limit they were told are cut off, and only by the largest message',
  fix: 'refuse what is larger than the limit, not what is as large',
  applies: withLimit,
  check: (exchange) => exchange.connections.flatMap((one) => {
    const full = sentMessages(one).filter(({ payload, compressed }) => !compressed && payload.length === limitOf(exchange))
    if (!one.isOpen || one.provocation || full.length === 0) return []
    const back = paired(sentMessages(one), one.messages).echoes.some(({ sent, back: came }) => full.includes(sent) && came && isSame(sent, came))
    // who is no echo shows by a pong that it went on
    const ok = back || (one.pongs.length > 0 && !endedFirst(one))
    if (!ok && !waited(one)) return []
    return [{ where: one.endPlace, ok, expected: `a message of ${limitOf(exchange)} bytes taken`, actual: ok ? 'that' : spoken(one) }]
  }),
  mutants: { 'refused': { edit: says('at', [server.close(1009)], { at: 40, by: 'target', how: 'fin' }), fault: 'limitRefused' } },
}

const fragmentSum: Rule<WsExchange> = {
  id: 'ws/limits/fragment-sum',
  level: 'must',
  promisedBy: 'maxMessageBytes',
  clause,
  says: 'the limit holds for all fragments of a message together',
  harm: 'the limit on frames protects from nothing: a client sends as many as it likes',
  fix: 'add up the fragments of a message, and compare the sum',
  inconclusive: unknownLimit(isProbed),
  check: (exchange) => {
    const limit = limitOf(exchange)
    const tries = attempts(exchange).filter((one) => one.frames.length > 1 && one.frames.length < manyPieces && isSent(one))
    return mustRefuse(tries.filter(({ frames, came }) => (limit === undefined ? came >= probing
      : came > limit && frames.every(({ payload }) => payload.length <= limit))), limit)
  },
  mutants: { 'no reaction': { edit: silenced('fragments'), fault: 'fragmentsUncounted' } },
}

const declaredLength: Rule<WsExchange> = {
  id: 'ws/limits/declared-length',
  level: 'should',
  promisedBy: 'maxMessageBytes',
  clause,
  says: 'a frame that announces more than the limit ends the connection before its payload comes',
  harm: 'the server reads, and often allocates, what it will refuse',
  fix: 'compare the length in the header with the limit, before memory is taken for it',
  applies: withLimit,
  check: (exchange) => {
    const limit = limitOf(exchange) ?? 0
    const tries = attempts(exchange).filter((one) => inOne(one) && one.came === 0 && one.announced > BigInt(limit) && one.announced < huge)
    return mustRefuse(tries, limit)
  },
  mutants: { 'the payload waited for': { edit: silenced('declared'), fault: 'headerTrusted' } },
}

/** Nothing came that answers what was sent. */
const isQuiet = ({ messages, pongs }: Connection): boolean => messages.length === 0 && pongs.length === 0

const hugeLength: Rule<WsExchange> = {
  id: 'ws/limits/huge-length',
  level: 'must',
  clause,
  says: 'a frame that announces 2^32 bytes or more ends the connection, once more of it comes than is taken at the latest',
  harm: 'the length is cut to 32 bits and the stream misread, or memory is taken for what never comes',
  fix: 'read the length as 64 bits (readBigUInt64BE), and refuse what is beyond the limit or 2^53',
  check: (exchange) => {
    const tries = attempts(exchange).filter(({ announced }) => announced >= huge)
    // who counts what comes, and not what is announced, waits until it is too much
    const counts = tries.some(({ connection, came }) => came >= probing && isQuiet(connection) && endedFirst(connection))
    return tries.flatMap(({ connection, announced }): Finding[] => {
      if (isQuiet(connection) && !endedFirst(connection) && (counts || connection.link.role === 'case')) return []
      return [{
        where: connection.endPlace,
        // whatever the code is: no application has seen such a message
        ok: endedFirst(connection) && isQuiet(connection),
        expected: 'the end of the connection',
        actual: `${spoken(connection)} after a header of ${announced} bytes`,
      }]
    })
  },
  mutants: {
    'no reaction': { edit: silenced('huge-53'), fault: 'lengthTruncated' },
    'an empty message': { edit: says('huge-32', [server.binary('')]) },
  },
}

const fragmentCount: Rule<WsExchange> = {
  id: 'ws/limits/fragment-count',
  level: 'should',
  clause,
  says: 'a message in more than a hundred thousand empty or tiny fragments ends the connection',
  harm: 'each fragment costs memory, however little is in it: a limit on bytes does not see it',
  fix: 'count the fragments of a message too (maxFragments in ws 8.21 and later)',
  check: (exchange) => withRole(exchange, 'limits/pieces').filter(({ isOpen, sent }) => isOpen && sent.open.length >= manyPieces).map((one) => ({
    where: one.endPlace,
    ok: endedFirst(one),
    expected: 'the end of the connection',
    actual: `${spoken(one)} after ${one.sent.open.length} fragments`,
  })),
  mutants: { 'no reaction': { edit: silenced('pieces'), fault: 'piecesUncounted' } },
}

const tinyChunks: Rule<WsExchange> = {
  id: 'ws/limits/tiny-chunks',
  level: 'should',
  clause,
  says: 'a message that comes one byte at a time is taken or refused within a second of its last byte',
  harm: 'each segment costs memory and time until the server stands still, for some bytes of a client',
  fix: 'copy what came into one buffer, or bound the number of pieces that wait (maxBufferedChunks in ws)',
  check: (exchange) => withRole(exchange, 'limits/octets').filter(({ isOpen, link }) => isOpen && isOctetwise(link.sent ?? [])).map((one) => {
    const ok = one.pongs.length > 0 || endedFirst(one)
    return { where: one.endPlace, ok, expected: 'a pong behind the message, or the end of the connection', actual: spoken(one) }
  }),
  mutants: { 'no reaction': { edit: silenced('octets'), fault: 'octetsLost', alsoBreaks: ['ws/control/ping-pong'] } },
}

const isOctetwise = (sent: NonNullable<Connection['link']['sent']>): boolean => sent.filter(({ bytes }) => bytes.length === 1).length >= manyPieces

export const messageLimits: readonly Rule<WsExchange>[] =
  [maxMessage, atLimitAccepted, fragmentSum, declaredLength, hugeLength, fragmentCount, tinyChunks]
