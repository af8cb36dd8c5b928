/** What a server can get wrong about the opening handshake. Most take for right what is not. */
import { acceptOf } from '../../../../spec/ws/upgrade.ts'
import { listOf, right, valuesOf, type Hooks, type Refusal, type Request } from '../hooks.ts'

const bad: Refusal = { status: '400 Bad Request' }

/** Sees a request as if the field stood there once, with that value; `undefined` as if it were not there. */
const as = (request: Request, name: string, value: string | undefined): Request => ({
  ...request,
  headers: [
    ...request.headers.filter(([one]) => one.toLowerCase() !== name),
    ...(value === undefined ? [] : [[name, value] as const]),
  ],
})

/** Judges every request as if it were as `seen` says. */
const takes = (seen: (request: Request) => Request): Partial<Hooks> => ({ refusal: (request) => right.refusal(seen(request)) })

/** Refuses what a right server takes. */
const refuses = (isRefused: (request: Request) => boolean): Partial<Hooks> =>
  ({ refusal: (request) => (isRefused(request) ? bad : right.refusal(request)) })

/** Changes the field lines of the 101. */
const answers = (lines: (usual: readonly string[], request: Request) => readonly string[]): Partial<Hooks> =>
  ({ accepted: (request, terms) => lines(right.accepted(request, terms), request) })

/** Changes the field lines of refusals. */
const refusing = (change: (line: string) => readonly string[]): Partial<Hooks> => ({
  refusal: (request) => {
    const refusal = right.refusal(request)
    return refusal && { ...refusal, fields: (refusal.fields ?? []).flatMap(change) }
  },
})

const without = (name: string) => (usual: readonly string[]): readonly string[] => usual.filter((line) => !line.startsWith(`${name}:`))

const whole = (request: Request, name: string): string => valuesOf(request, name).join(', ')

const versionOf = (request: Request): number => Number(whole(request, 'sec-websocket-version'))

const placeOf = ({ headers }: Request, name: string): number => headers.findIndex(([one]) => one.toLowerCase() === name)

const key = 'AAAAAAAAAAAAAAAAAAAAAA=='

export const handshake = {
  // ---- the answer ----
  connectionFieldMissing: () => answers(without('Connection')),
  upgradeFieldMissing: () => answers(without('Upgrade')),
  digestOfBytes: () => answers((usual, request) => usual.map((line) => (line.startsWith('Sec-WebSocket-Accept')
    ? `Sec-WebSocket-Accept: ${acceptOf(Buffer.from(whole(request, 'sec-websocket-key'), 'base64').toString('latin1'))}` : line))),
  digestTwice: () => answers((usual) => usual.flatMap((line) => (line.startsWith('Sec-WebSocket-Accept') ? [line, line] : [line]))),
  lengthOf101: () => answers((usual) => [...usual, 'Content-Length: 0']),
  rejectsSilently: () => ({ rejects: false, refusal: (request) => right.refusal(request) }),
  upgradeNotNamed: () => refusing((line) => (line.startsWith('Upgrade:') ? [] : [line])),

  // ---- what is taken that is not right ----
  anyMethod: () => takes((request) => ({ ...request, method: 'GET' })),
  anyHttpVersion: () => takes((request) => ({ ...request, version: 'HTTP/1.1' })),
  hostless: () => takes((request) => as(request, 'host', 'target.test')),
  anyUpgrade: () => takes((request) => as(request, 'upgrade', 'websocket')),
  anyConnection: () => takes((request) => as(request, 'connection', 'Upgrade')),
  keyless: () => takes((request) => as(request, 'sec-websocket-key', whole(request, 'sec-websocket-key') || key)),
  anyKey: () => takes((request) =>
    (valuesOf(request, 'sec-websocket-key').length === 1 ? as(request, 'sec-websocket-key', key) : request)),
  firstKey: () => takes((request) => as(request, 'sec-websocket-key', valuesOf(request, 'sec-websocket-key')[0])),
  anyPath: () => takes((request) => ({ ...request, target: '/' })),
  contentAsFrames: () => takes((request) => as(request, 'content-length', undefined)),
  hasty: () => ({
    headEnd: (text) => {
      const end = right.headEnd(text)
      return end < 0 && text.endsWith('\r\n') && /^sec-websocket-version:/im.test(text) ? text.length - 2 : end
    },
  }),

  // ---- versions ----
  versionless: () => takes((request) => as(request, 'sec-websocket-version', whole(request, 'sec-websocket-version') || '13')),
  anyVersion: () => takes((request) => (versionOf(request) === 14 ? as(request, 'sec-websocket-version', '13') : request)),
  versionAsNumber: () => takes((request) => (versionOf(request) === 13 ? as(request, 'sec-websocket-version', '13') : request)),
  versionsNotListed: () => refusing((line) => (line.startsWith('Sec-WebSocket-Version') ? [] : [line])),
  staleVersions: () => refusing((line) => (line.startsWith('Sec-WebSocket-Version') ? [`${line}, 8`] : [line])),

  // ---- what is not taken that is right ----
  upgradeCaseful: () => refuses((request) => !whole(request, 'upgrade').includes('websocket')),
  upgradeWhole: () => refuses((request) => listOf(request, 'upgrade').length > 1),
  connectionWhole: () => refuses((request) => whole(request, 'connection') !== 'Upgrade'),
  originFormOnly: () => ({
    refusal: (request) => (request.target.startsWith('/') ? right.refusal(request) : { status: '404 Not Found' }),
  }),
  namesCaseful: () => refuses(({ headers }) => !headers.some(([name]) => name === 'Sec-WebSocket-Key')),
  orderWanted: () => refuses((request) => placeOf(request, 'upgrade') > placeOf(request, 'sec-websocket-version')),
  strictFields: () => refuses(({ headers }) => headers.some(([name]) => /x-streamproof/i.test(name))),
  readOnce: () => ({
    headEnd: (text) => {
      const end = right.headEnd(text)
      return end < 0 ? text.length : end
    },
  }),
  earlyDropped: () => ({ early: () => new Uint8Array() }),

  // ---- offers ----
  wholeOffer: () => answers((usual, request) => usual.map((line) => (line.startsWith('Sec-WebSocket-Protocol')
    ? `Sec-WebSocket-Protocol: ${whole(request, 'sec-websocket-protocol')}` : line))),
  constantSubprotocol: () => answers((usual) => (usual.some((line) => line.startsWith('Sec-WebSocket-Protocol'))
    ? usual : [...usual, 'Sec-WebSocket-Protocol: chat'])),
  anySubprotocols: () => takes((request) => as(request, 'sec-websocket-protocol', undefined)),
  forcedExtension: () => answers((usual, request) => (valuesOf(request, 'sec-websocket-extensions').length > 0
    ? usual : [...usual, 'Sec-WebSocket-Extensions: x-forced'])),
  knownExtensionsOnly: () => refuses((request) =>
    listOf(request, 'sec-websocket-extensions').some((item) => !item.startsWith('permessage-deflate'))),
  anyExtensions: () => takes((request) => as(request, 'sec-websocket-extensions', undefined)),
} as const satisfies Record<string, () => Partial<Hooks>>
