/** Wrong in the signs of life of a stream, in how it starts and ends, and in who shares it. */
import type { Descriptor } from '../../../spec/contract/contract.ts'
import { json, streamFields } from '../answer.ts'
import type { Sink, Streamed, Whole } from '../answer.ts'
import type { Hooks } from '../hooks.ts'
import type { Subscription } from '../subscription.ts'
import { isComment, onAnswer, onStream, over, textOf } from './makers.ts'

const retry = (value: string) => (right: Hooks): Hooks =>
  ({ ...right, opening: (block) => textOf(block).replace(/^retry:.*$/m, `retry:${value}`) })

export const lifecycle = {
  // ---- heartbeat ----
  heartbeatMissing: (right) => ({ ...right, heartbeat: () => '' }),
  /** one a minute, as it says of itself */
  heartbeatRare: (right) => onAnswer((answer, { path }) => {
    if (path !== '/streamproof' || !('body' in answer) || answer.status !== 200) return answer
    const { declares, ...descriptor } = JSON.parse(answer.body ?? '{}') as Descriptor
    const { body, fields } = json(200, { ...descriptor, declares: { ...declares, heartbeatMs: 60_000 } })
    return { ...answer, body, fields: { ...answer.fields, ...fields } } as Whole
  })({ ...right, bounds: (bounds) => ({ ...bounds, heartbeatMs: 60_000 }) }),
  /** an event, which the application has to know and to throw away */
  heartbeatAsData: (right) => ({ ...right, heartbeat: () => 'data: ping\n\n' }),
  /** the line goes on: the first field of the next event becomes part of the comment */
  heartbeatNoNewline: (right) => ({ ...right, heartbeat: () => ':' }),
  /** the timer writes between two lines of an event, and its blank line ends half of it */
  heartbeatInsideBlock: (right) => {
    let due = Infinity
    return {
      ...right,
      deliver: (blocks, write) => {
        if (due === Infinity) due = Date.now() + 100
        right.deliver(blocks.map((block) => {
          const lines = textOf(block).split(/(?<=\n)/)
          if (lines.length < 3 || Date.now() < due) return block
          due = Date.now() + 100
          return [lines[0], ':\n\n', ...lines.slice(1)].join('')
        }), write)
      },
    }
  },
  /** heartbeats stay in a buffer until an event takes them along */
  heartbeatHeld: onStream((stream) => (sink) => {
    let held: string | undefined
    return stream({
      ...sink,
      write: (block) => {
        if (held !== undefined && isComment(block)) {
          held += textOf(block)
          return true
        }
        const more = sink.write(held ? held + textOf(block) : block)
        held = ''
        return more
      },
    })
  }),

  // ---- retry ----
  retryWords: retry(' 3s'),
  retryZero: retry(' 0'),
  /** too much for a timer of 31 bits, which then fires at once */
  retryHuge: retry(' 9999999999'),
  retryEmpty: retry(''),

  // ---- clients that leave ----
  /** nobody listens for the end of a connection */
  disconnectUnnoticed: onStream((stream) => (sink) => {
    stream(sink)
    return () => {}
  }),
  /** one way out of ten forgets to give back what the subscription took */
  resourcesLeaked: (right) => {
    let opened = 0
    return onStream((stream) => (sink) => {
      const leave = stream(sink)
      opened += 1
      return opened % 10 === 0 ? () => {} : leave
    })(right)
  },
  /**
   * The error of a write to a client that has left is not caught, and the process ends a few writes later. Played by
   * dropping every connection from then on, as the fault may share its process with who looks for it.
   */
  crashOnWriteAfterClose: (right) => {
    const open = new Set<Sink>()
    let down = false
    const crash = (): void => {
      down = true
      for (const sink of open) sink.abort()
    }
    const forgetful = onStream((stream) => (sink) => {
      let ended = false
      let writesToGone = -Infinity
      open.add(sink)
      const leave = stream({
        ...sink,
        write: (block) => {
          if (!isComment(block) && ++writesToGone >= 4) crash()
          return sink.write(block)
        },
        end: () => {
          ended = true
          sink.end()
        },
      })
      return () => {
        open.delete(sink)
        writesToGone = 0
        if (ended) leave()
        else setTimeout(leave, 2000).unref()
      }
    })
    const dropped: Streamed = { status: 200, fields: streamFields, stream: over('abort') }
    return onAnswer((answer) => (down ? dropped : answer))(forgetful(right))
  },
  /** what a play does goes on without anybody who reads it */
  postWorkGoesOn: onAnswer((answer, { path }) => {
    if (!('stream' in answer) || path !== '/play') return answer
    return {
      ...answer,
      stream: (sink) => {
        let ended = false
        const end = (): void => {
          ended = true
          sink.end()
        }
        const leave = answer.stream({ ...sink, end })
        return () => (ended ? leave() : setTimeout(leave, 30_000).unref())
      },
    }
  }),

  // ---- shutdown and end ----
  /** waits for open streams, which do not end by themselves */
  shutdownHangs: (right) => ({
    ...right,
    shutdown: (_, refuse) => {
      refuse()
      return new Promise(() => {})
    },
  }),
  /** the process goes while it writes */
  shutdownTears: (right) => ({
    ...right,
    shutdown: (streams, refuse) => {
      refuse()
      for (const stream of streams) {
        stream.write('event: half\ndata: of an ev')
        stream.cut()
      }
    },
  }),
  /** streams that come during the shutdown are taken, and end with it */
  shutdownAcceptsNew: (right) => ({
    ...right,
    shutdown: async (streams, refuse) => {
      await new Promise((resolve) => { setTimeout(resolve, 1800) })
      right.shutdown(streams, refuse)
    },
  }),
  /** a stream that is finished for good looks like one that broke */
  endMarkerMissing: (right) => ({ ...right, endMarker: () => '' }),
  /** 700 ms without an event, and the server believes that nobody is there */
  closesWhenIdle: onStream((stream) => (sink) => {
    const timer = setTimeout(() => sink.end(), 700)
    const leave = stream({
      ...sink,
      write: (block) => {
        if (!isComment(block)) timer.refresh()
        return sink.write(block)
      },
    })
    return () => {
      clearTimeout(timer)
      leave()
    }
  }),

  // ---- streams beside each other ----
  /** a worker for each stream, and no more than so many: the next one waits for its head */
  poolExhausted: (right) => {
    let taken = 0
    return onAnswer((answer, { method }) => {
      if (!('stream' in answer) || method !== 'GET') return answer
      if (taken >= 90) return { ...answer, headHeld: true, stream: () => () => {} }
      const stream: Streamed['stream'] = (sink) => {
        taken += 1
        const leave = answer.stream(sink)
        return () => {
          taken -= 1
          leave()
        }
      }
      return { ...answer, stream }
    })(right)
  },
  /** a map by address: the second stream of a client takes the place of the first */
  streamsMixed: (right) => {
    const current = new Map<string, Sink>()
    return onStream((stream, { path }) => (sink) => {
      current.set(path, sink)
      return stream({ ...sink, write: (block) => current.get(path) !== sink || sink.write(block) })
    })(right)
  },
  /** `startsWith`: what goes to `a` goes to `ab` */
  topicPrefixMatch: (right) => ({
    ...right,
    alsoTo: (c, channels) => [...channels].filter((other) => other !== c && other.startsWith(c)),
  }),
  /** an array that shrinks under the loop: who stands behind somebody who left is passed over once */
  fanoutSkipsAfterLeave: (right) => {
    const before = new WeakMap<ReadonlySet<Subscription>, readonly Subscription[]>()
    return {
      ...right,
      fanOut: (subscriptions, send) => {
        const last = before.get(subscriptions) ?? []
        const skipped = last.find((_, index) => index > 0 && !subscriptions.has(last[index - 1] as Subscription))
        before.set(subscriptions, [...subscriptions])
        for (const subscription of subscriptions) if (subscription !== skipped) send(subscription)
      },
    }
  },
  /** the log is polled */
  latencySlow: (right) => ({
    ...right,
    deliver: (blocks, write) => { setTimeout(() => right.deliver(blocks, write), 1500) },
  }),
} satisfies Record<string, (right: Hooks) => Hooks>
