/** What is right though unusual, and is taken: https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1 */
import { onLink, sent } from '../../bytes.ts'
import type { Rule } from '../../model.ts'
import { changed, closed } from '../bytes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { client, server } from '../frame.ts'
import { turnedAway } from './example.ts'
import { answerOf, isGarbled, mustTake, unusual, type Unusual } from './request.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

/** A rule about right handshakes that are unusual in one way. The link of the example has the name of the way. */
const taken = (way: Unusual, fault: string, rule: Omit<Rule<WsExchange>, 'check' | 'mutants'>): Rule<WsExchange> => ({
  ...rule,
  check: (exchange) => mustTake(unusual(exchange, way)),
  mutants: { 'refused': { edit: turnedAway(way), fault } },
})

const upgradeCase = taken('upgrade-case', 'upgradeCaseful', {
  id: 'ws/handshake/upgrade-case',
  level: 'must',
  clause: `${rfc}#section-4.2.1`,
  says: 'WebSocket in Upgrade is taken in any letter case',
  harm: 'clients that write WebSocket, as older browsers and many libraries do, cannot connect',
  fix: 'compare Upgrade in lower case',
})

const upgradeList = taken('upgrade-list', 'upgradeWhole', {
  id: 'ws/handshake/upgrade-list',
  level: 'should',
  clause: 'https://www.rfc-editor.org/rfc/rfc9110#section-7.8',
  says: 'websocket is found in a list of protocols',
  harm: 'a client that offers another protocol beside it gets an error, not a connection',
  fix: 'split Upgrade at commas before it is compared',
})

const connectionList = taken('connection-list', 'connectionWhole', {
  id: 'ws/handshake/connection-list',
  level: 'must',
  clause: `${rfc}#section-4.2.1`,
  says: 'Upgrade is found in a list, and in any letter case',
  harm: 'Firefox, which sends Connection: keep-alive, Upgrade, cannot connect',
  fix: 'split Connection at commas and compare in lower case',
})

const absoluteTarget = taken('absolute-target', 'originFormOnly', {
  id: 'ws/handshake/absolute-target',
  level: 'must',
  clause: `${rfc}#section-4.2.1`,
  says: 'a request target in absolute form names the same resource',
  harm: 'clients behind a proxy that passes the absolute form on get 404',
  fix: 'read the request target as a URL (new URL(request.url, base)) before the path is compared',
})

const nameCase: Rule<WsExchange> = {
  id: 'ws/handshake/header-name-case',
  level: 'must',
  clause: `${rfc}#section-4.2.1`,
  says: 'field names are taken in any letter case, and fields in any order',
  harm: 'clients and proxies that write names in lower case, or fields in another order, cannot connect',
  fix: 'compare names in lower case, and look fields up by name',
  check: (exchange) => mustTake([
    ...unusual(exchange, 'names'), ...unusual(exchange, 'order'), ...unusual(exchange, 'names', 'order'),
  ]),
  mutants: {
    'names compared as written': { edit: turnedAway('names'), fault: 'namesCaseful' },
    'an order that is wanted': { edit: turnedAway('order'), fault: 'orderWanted' },
  },
}

const unknownHeaders = taken('unknown-field', 'strictFields', {
  id: 'ws/handshake/unknown-headers',
  level: 'must',
  clause: `${rfc}#section-4.2.1`,
  says: 'fields that are not known are ignored',
  harm: 'a new version of a browser or a proxy that adds a field cannot connect',
  fix: 'read the fields that are needed, and leave the others alone',
})

const choppedRequest = taken('chopped', 'readOnce', {
  id: 'ws/handshake/chopped-request',
  level: 'must',
  clause: `${rfc}#section-4.2.1`,
  says: 'a request may come in any number of pieces',
  harm: 'handshakes fail now and then, over slow lines and with long cookies more often',
  fix: 'collect bytes up to the empty line before the request is read',
})

/** The Close that came with the request was answered, and not only one that the kit sent later. */
function isReplied({ close, link: { sent = [] } }: Connection): boolean {
  const later = sent[1]?.at ?? Infinity
  return close !== undefined && close.frame.at <= later
}

const earlyFrames: Rule<WsExchange> = {
  id: 'ws/handshake/early-frames',
  level: 'advice',
  clause: `${rfc}#section-4.1`,
  says: 'frames in the same segment as the end of the request are read, and answered behind the 101',
  harm: 'the first message of a client that does not wait for the 101 is lost, and with it often its login',
  fix: 'hand on what came with the request: the third argument of the upgrade event of node:http (head)',
  // a client has to wait, so it may be refused; whether rightly is the business of `reject-is-http`
  check: (exchange) => unusual(exchange, 'early').filter((one) => one.isOpen || isGarbled(one)).map((one) => ({
    where: one.endPlace,
    ok: isReplied(one),
    expected: 'a Close in reply to the one that came with the request',
    actual: isReplied(one) ? 'that' : one.isOpen ? 'none' : answerOf(one),
  })),
  mutants: {
    'dropped': {
      edit: (transcript) => changed(transcript, 'early', () => closed('early', {
        sent: [sent(0, client.close(1000)), sent(500, client.close(1000))], received: [sent(501, server.close(1000))],
      })),
      fault: 'earlyDropped',
    },
    'answered before the 101': {
      edit: onLink('early', ([head]) => [sent(1, server.close(1000), head?.bytes ?? '')]),
    },
  },
}

export const tolerance: readonly Rule<WsExchange>[] = [
  upgradeCase, upgradeList, connectionList, absoluteTarget, nameCase, unknownHeaders, choppedRequest, earlyFrames,
]
