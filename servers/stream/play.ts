/** Plays given events as one stream: the part of the contract that proves the encoder. */
import { encodeEvent } from '../../spec/sse/encode.ts'
import type { PlayRequest } from '../../spec/contract/contract.ts'
import type { Event } from '../../spec/model.ts'
import type { Block, Sink } from './answer.ts'
import { Heartbeat } from './heartbeat.ts'
import type { Hooks } from './hooks.ts'

/** The producer: the events, and after the last one what `end` asks for when it is an accident. */
function* produce({ events, end }: PlayRequest): Generator<Event, void> {
  yield* events
  if (end === 'throw') throw new Error('the producer raised, as the request asked')
}

/**
 * Writes one event at a time, each whole and at once, `pauseMs` apart; without a pause all of it in this tick, with no
 * timer. Returns what stops the work when the response is over.
 */
export function play(request: PlayRequest, sink: Sink, hooks: Hooks, heartbeatMs: number): () => void {
  const { events, pauseMs = 0, end } = request
  const producer = produce(request)
  const encode = hooks.encoder()
  const comment = encodeEvent({ comment: '' })
  const heartbeat = new Heartbeat(heartbeatMs, () => sink.write(comment))
  let written = 0
  let pause: NodeJS.Timeout | undefined

  const write = (block: Block): void => {
    written += 1
    sink.write(written === events.length && end === 'close' ? hooks.tail(block) : block)
    heartbeat.touch()
  }
  const proceed = (): void => {
    try {
      for (let next = producer.next(); !next.done; next = producer.next()) {
        write(encode(next.value))
        if (pauseMs > 0 && written < events.length) {
          pause = setTimeout(proceed, pauseMs)
          return
        }
      }
    } catch {
      // The head is out and so is part of the body: an error page would be read as event stream lines. What is left to
      // say is that the message is incomplete.
      sink.cut()
      return
    }
    if (end === 'close') sink.end()
  }

  proceed()
  if (pause !== undefined || end === 'hold') heartbeat.start()
  return () => {
    clearTimeout(pause)
    heartbeat.stop()
  }
}
