/** Text that is not UTF-8: that it is refused, and when. https://www.rfc-editor.org/rfc/rfc6455#section-8.1 */
import type { Rule } from '../../model.ts'
import { says, silenced } from '../bytes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { server } from '../frame.ts'
import type { Fault } from '../machine.ts'
import { mustFail, provoked } from '../reaction.ts'
import { isWhole, textFlaw, type TextFlaw } from '../text.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'
const unicode = 'https://www.rfc-editor.org/rfc/rfc3629#section-3'

const flawed = (exchange: WsExchange, flaw: TextFlaw): Connection[] =>
  provoked(exchange, 'utf8', (fault, connection) => textFlaw(fault) === flaw && isWhole(connection))

/** What follows goes on as if nothing had been. */
const goesOn = (id: string) => ({ edit: says(id, [server.pong('b')]) })

const refuses = (flaw: TextFlaw): Rule<WsExchange>['check'] => (exchange) => mustFail(flawed(exchange, flaw), { late: true })

const decoder = 'leave the check to the library (skipUTF8Validation: false in ws), or decode with TextDecoder and fatal: true'

const invalidReject: Rule<WsExchange> = {
  id: 'ws/utf8/invalid-reject',
  level: 'must',
  clause: `${rfc}#section-8.1`,
  says: 'text with a byte that UTF-8 does not have at that place ends the connection',
  harm: 'what is stored and sent on is no longer what was sent, and each decoder on the way guesses differently',
  fix: decoder,
  check: refuses('invalid'),
  mutants: {
    'goes on': { ...goesOn('invalid'), fault: 'invalidTextIgnored' },
    'no reaction': { edit: silenced('invalid') },
  },
}

const overlongReject: Rule<WsExchange> = {
  id: 'ws/utf8/overlong-reject',
  level: 'must',
  clause: unicode,
  says: 'text with a character in more bytes than it needs ends the connection',
  harm: 'a filter that looks for / or NUL does not see C0 AF and C0 80, and what is behind it does',
  fix: decoder,
  check: refuses('overlong'),
  mutants: { 'goes on': { ...goesOn('overlong'), fault: 'overlongIgnored' } },
}

const surrogateReject: Rule<WsExchange> = {
  id: 'ws/utf8/surrogate-reject',
  level: 'must',
  clause: unicode,
  says: 'text with an encoded surrogate, alone or in a pair, ends the connection',
  harm: 'whoever reads it strictly, as browsers do, closes the connection on which it is sent on',
  fix: `${decoder}; CESU-8 is not UTF-8`,
  check: refuses('surrogate'),
  mutants: { 'goes on': { ...goesOn('surrogate'), fault: 'surrogateIgnored' } },
}

const rangeReject: Rule<WsExchange> = {
  id: 'ws/utf8/range-reject',
  level: 'must',
  clause: unicode,
  says: 'text with a sequence above U+10FFFF or of five or six bytes ends the connection',
  harm: 'what is decoded is no character, and code that indexes by it reads where it should not',
  fix: decoder,
  check: refuses('range'),
  mutants: { 'goes on': { ...goesOn('range'), fault: 'rangeIgnored' } },
}

const truncatedReject: Rule<WsExchange> = {
  id: 'ws/utf8/truncated-reject',
  level: 'must',
  clause: `${rfc}#section-5.6`,
  says: 'a text message that ends inside a character ends the connection',
  harm: 'the rest of the character is taken for the beginning of the next message, or is lost',
  fix: 'tell the decoder where a message ends (a last decode() without stream: true), and check what it held back',
  check: refuses('truncated'),
  mutants: { 'goes on': { ...goesOn('truncated'), fault: 'truncatedIgnored' } },
}

const splitInvalid: Rule<WsExchange> = {
  id: 'ws/utf8/split-invalid',
  level: 'must',
  clause: `${rfc}#section-8.1`,
  says: 'a sequence that is not UTF-8 is found when it is split over fragments',
  harm: 'a client gets past every check of the text by cutting it into fragments',
  fix: 'keep the state of the decoder from one fragment to the next, or check the whole message',
  check: refuses('split'),
  mutants: { 'goes on': { ...goesOn('split-invalid'), fault: 'splitInvalidIgnored' } },
}

// ---- when it is refused ----------------------------------------------------------------------------------------

/** ms; a target that reads as it comes has ended the connection by then */
const patienceMs = 500
const atOnce = 'the end of the connection before the rest of the message'

const failFastFrame: Rule<WsExchange> = {
  id: 'ws/utf8/fail-fast-frame',
  level: 'should',
  clause: `${rfc}#section-8.1`,
  says: 'text that is not UTF-8 ends the connection at the fragment that makes it so',
  harm: 'a long message is kept and paid for to its end, although it is lost already',
  fix: 'check each fragment as it comes, with the state of the one before',
  check: (exchange) => mustFail(provoked(exchange, 'utf8', isFollowedByPing), { expected: atOnce }),
  mutants: { 'goes on': { ...goesOn('early-frame'), fault: 'textCheckedAtFin' } },
}

/** The message is open, and a ping shows whether the target goes on. */
function isFollowedByPing({ frame, index }: Fault, { sent }: Connection): boolean {
  return frame.complete && !frame.fin && sent.frames[index + 1]?.opcode === 9
}

const failFastChop: Rule<WsExchange> = {
  id: 'ws/utf8/fail-fast-chop',
  level: 'should',
  clause: `${rfc}#section-8.1`,
  says: 'text that is not UTF-8 ends the connection before its frame is complete',
  harm: 'a large frame is kept in memory to its end, although it is lost already',
  fix: 'check the bytes as they come; where the library checks whole frames, keep its limit for messages low',
  check: (exchange) => mustFail(provoked(exchange, 'utf8', ({ frame }, { isDropped, link }) =>
    !frame.complete && (isDropped || link.ended.at - frame.at >= patienceMs)), { expected: atOnce }),
  mutants: { 'waits': { edit: silenced('early-chop'), fault: 'textCheckedByFrame' } },
}

export const refused: readonly Rule<WsExchange>[] = [
  invalidReject, overlongReject, surrogateReject, rangeReject, truncatedReject, splitInvalid, failFastFrame, failFastChop,
]
