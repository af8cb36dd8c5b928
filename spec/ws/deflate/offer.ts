/** What a client offers for permessage-deflate, and what is wrong with it. https://www.rfc-editor.org/rfc/rfc7692#section-7.1 */
import type { Connection } from '../exchange.ts'
import { asked, extensions, isExtensionList, isWindowBits, type Extension } from '../upgrade.ts'

export const extensionName = 'permessage-deflate'

type Value = string | true

const flags: ReadonlySet<string> = new Set(['server_no_context_takeover', 'client_no_context_takeover'])
const windows: ReadonlySet<string> = new Set(['server_max_window_bits', 'client_max_window_bits'])

/**
 * Why a server declines an offer (RFC 7692 7.1): `window` a number of bits that is none of 8 to 15, `parameter` one that
 * is unknown, there twice, or with or without a value against the rule. Undefined: a good offer.
 */
export function flawOf({ parameters }: Extension): 'window' | 'parameter' | undefined {
  const names = parameters.map(([name]) => name)
  if (new Set(names).size < names.length) return 'parameter'
  const flaws = parameters.map(([name, value]) => flawOfParameter(name, value))
  return flaws.find((flaw) => flaw === 'parameter') ?? flaws.find((flaw) => flaw !== undefined)
}

function flawOfParameter(name: string, value: Value): 'window' | 'parameter' | undefined {
  if (flags.has(name)) return value === true ? undefined : 'parameter'
  if (!windows.has(name)) return 'parameter'
  // in an offer that of the client may stand alone (7.1.2.2)
  if (value === true) return name === 'client_max_window_bits' ? undefined : 'parameter'
  return isWindowBits(value) ? undefined : 'window'
}

/** The value of a parameter; undefined when it is not there. */
export const parameter = ({ parameters }: Extension, wanted: string): Value | undefined =>
  parameters.find(([name]) => name === wanted)?.[1]

/** What was offered of permessage-deflate, in order; empty when another extension was offered too, or nothing that can be read. */
export function offersOf({ link }: Connection): Extension[] {
  const value = asked(link.request, 'sec-websocket-extensions')
  const all = isExtensionList(value ?? '') ? extensions(value) : []
  return all.every(({ name }) => name === extensionName) ? all : []
}

/** What the target answered about permessage-deflate; undefined when it did not choose it. */
export const answerOf = ({ extensions: all }: Connection): Extension | undefined => all.find(({ name }) => name === extensionName)

/** The target answered, and not that it is busy or wants credentials. */
export const isJudged = ({ status }: Connection): boolean => status !== 0 && ![401, 403, 429, 503].includes(status)
