/** Cases 7.*: the closing handshake. */
import { bytes, hex } from '../../bytes.ts'
import { client, closeBody, opcodes } from '../frame.ts'
import { closing, right, whole, type Case } from './case.ts'

const hello = 'Hello World!'
const close = client.close(1000)
/** valid UTF-8, a surrogate, valid UTF-8 */
const badReason = hex('cebae1bdb9cf83cebcceb5eda080656469746564')

const validCodes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] as const
const invalidCodes = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999] as const
const openCodes = [5000, 65_535] as const

/** A Close that is wrong: the target may answer with a Close or end TCP. */
const invalid = { clean: false, isFault: true } as const

/** 7.1.6: the payload that Autobahn repeats, and how long it gets */
const long = Buffer.alloc(256 * 1024, 'BAsd7&jh23')

export const closes: readonly Case[] = [
  right('7.1.1', 'a text message, then a Close', whole(client.text(hello)), [{ kind: 'text', payload: bytes(hello) }], { codeDecides: true }),
  closing('7.1.2', 'two Closes', whole(close, client.close()), [1000]),
  closing('7.1.3', 'a Close, then a ping', whole(close, client.ping()), [1000]),
  closing('7.1.4', 'a Close, then a text message', whole(close, client.text(hello)), [1000]),
  closing('7.1.5', 'a fragment, a Close, the last fragment', whole(client.text('fragment1', { fin: false }), close, client.more('fragment2')), [1000]),
  closing('7.1.6', 'a text message of 256 KiB, a short one, a Close, a ping', whole(client.text(long), client.text(hello), close, client.ping()), [1000],
    { ok: [{ kind: 'text', payload: bytes(long) }, { kind: 'text', payload: bytes(hello) }], nonStrict: [], informational: true }),
  closing('7.3.1', 'a Close without payload', whole(client.close()), [1000]),
  closing('7.3.2', 'a Close with one byte of payload', whole(client.frame(opcodes.close, 'a')), [1002], invalid),
  closing('7.3.3', 'a Close with a code', whole(close), [1000]),
  closing('7.3.4', 'a Close with code and reason', whole(client.close(1000, hello)), [1000]),
  closing('7.3.5', 'a Close with a reason of 123 bytes', whole(client.close(1000, '*'.repeat(123))), [1000]),
  closing('7.3.6', 'a Close with a reason of 124 bytes', whole(client.close(1000, '*'.repeat(124))), [1002], invalid),
  closing('7.5.1', 'a Close with a reason that is not UTF-8', whole(client.frame(opcodes.close, closeBody(1000, badReason))), [1002, 1007], invalid),
  ...validCodes.map((code, i) => closing(`7.7.${i + 1}`, `a Close with the code ${code}`, whole(client.close(code)), [1000, code])),
  ...invalidCodes.map((code, i) =>
    closing(`7.9.${i + 1}`, `a Close with the code ${code}, which may not be on the wire`, whole(client.close(code)), [1002], invalid)),
  ...openCodes.map((code, i) =>
    closing(`7.13.${i + 1}`, `a Close with the code ${code}, which nobody has defined`, whole(client.close(code)), [1000, code, 1002],
      { clean: false, informational: true })),
]
