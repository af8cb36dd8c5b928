/** What the kit says on a channel socket (contract: socket), as frames. */
import type { SocketCommand, SocketStream } from '../../spec/contract/contract.ts'
import { client } from '../../spec/ws/frame.ts'

export const tell = (command: SocketCommand): Uint8Array => client.text(JSON.stringify(command))

/** Starts a stream of that name. */
export const start = (stream: string, values: Omit<SocketStream, 'stream'>): Uint8Array => tell({ type: 'start', stream, ...values })

export const cancel = (stream: string): Uint8Array => tell({ type: 'cancel', stream })

/** A ping of the contract, which is answered with a pong of the same ref. */
export const ping = (ref: string): Uint8Array => tell({ type: 'ping', ref })
