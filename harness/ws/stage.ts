/** Performs stimuli on WebSocket targets: opens connections, writes, waits and leaves as their steps say. */
import { Agent } from 'undici'
import type { Act, Declares, SentRequest, Transcript } from '../../spec/model.ts'
import { Connection } from '../../spec/ws/exchange.ts'
import { client } from '../../spec/ws/frame.ts'
import { replies } from '../../spec/ws/talk.ts'
import type { Address, Step, Stimulus } from '../../suites/ws/stimulus.ts'
import { Control } from '../control.ts'
import type { Probe } from '../probe.ts'
import { Tokens } from '../tokens.ts'
import { credentialed } from './credentials.ts'
import type { OpenSocket, SocketDial } from './socket.ts'
import { upgrade } from './upgrade.ts'

/** ms without an answer to a handshake after which it is given up */
const headMs = 4000
/** ms that a target has to end TCP after both Closes */
const closeMs = 1000

export interface StageOptions {
  readonly probe: Probe
  readonly declares: Declares
  readonly insecure: boolean
  /** how much of a connection is kept; `loud`: a flood is asked for */
  appetite(loud: boolean): NonNullable<SocketDial['appetite']>
  readonly signal?: AbortSignal
  /** SIGTERM to the target, where the kit has started it */
  readonly terminate?: () => Promise<void>
  /** the ordinary request to an address, without the fields of the handshake; undefined when the target has none */
  address(address: Address, channel: string): SentRequest | undefined
  /** the request of a control act; undefined when the target does not offer it */
  control(act: 'publish' | 'stats' | 'token' | 'tune', channel: string): SentRequest | undefined
}

/** Performs the steps up to the deadline. Never rejects for what a target does. */
export async function perform(stimulus: Stimulus, channel: string, stage: StageOptions): Promise<Transcript> {
  const { probe } = stage
  const sockets = new Map<string, OpenSocket>()
  const acts: Act[] = []
  const deadline = probe.now() + stimulus.deadlineMs
  const agent = new Agent({ connect: { rejectUnauthorized: !stage.insecure } })
  const control = new Control(agent, () => probe.now(), () => left())
  const tokens = new Tokens(control, stage.control('token', channel), channel)
  try {
    await all(stimulus.steps)
  } finally {
    for (const socket of sockets.values()) socket.leave('window')
    await agent.destroy()
  }
  const links = [...sockets.values()].map((socket) => socket.link())
  return { stimulus: stimulus.id, declares: stage.declares, links, acts }

  async function all(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (stage.signal?.aborted) return
      await take(step)
    }
  }

  async function take(step: Step): Promise<void> {
    switch (step.do) {
      case 'open': return open(step)
      case 'send': return send(step)
      case 'await': return sockets.get(step.link)?.await(step.for, Math.min(step.withinMs, left()))
      case 'leave': return leave(step)
      case 'shut': return sockets.get(step.link)?.shut()
      case 'pause': return sockets.get(step.link)?.pause()
      case 'resume': return sockets.get(step.link)?.resume()
      case 'stats': return poll(step)
      case 'publish': return act('publish', JSON.stringify(step.events))
      case 'tune': return act('tune', JSON.stringify(step.values))
      case 'token': return void acts.push(...await tokens.issue(step))
      case 'revoke': return void acts.push(...await tokens.revoke(step.token))
      case 'answer': return sockets.get(step.link)?.answer()
      case 'authenticate': return authenticate(step)
      case 'signal': return terminate()
      case 'together': return void await Promise.all(step.branches.map(all))
    }
  }

  async function open({ link, role, to, asked = {}, hasty }: Extract<Step, { do: 'open' }>): Promise<void> {
    const nearby = stage.address(to, channel)
    const ordinary = nearby && asked.elsewhere ? elsewhere(nearby, stage.declares) : nearby
    const admitted = ordinary && credentialed(ordinary, asked, asked.token && tokens.textOf(asked.token), stage.declares)
    const behind = asked.behind === undefined ? undefined : lastId(sockets.get(asked.behind))
    if (!admitted || (asked.behind !== undefined && behind === undefined)) return
    const query = { ...asked.query, ...(behind === undefined ? {} : { lastEventId: behind }) }
    const id = `${stimulus.id}/${link}`
    const socket = probe.socket({
      id, role, ...upgrade(admitted, id, { ...asked, query }),
      appetite: stage.appetite(stimulus.loud === true),
      ...(asked.chop ? { chop: asked.chop } : {}),
      ...(asked.early ? { early: asked.early } : {}),
    })
    sockets.set(link, socket)
    if (stimulus.alive) socket.answer()
    await socket.open(hasty ? 0 : Math.min(headMs, left()))
  }

  async function send({ link, bytes, chop, pauseMs, withinMs = Infinity }: Extract<Step, { do: 'send' }>): Promise<void> {
    const socket = sockets.get(link)
    if (pauseMs !== undefined) await socket?.await({ ms: Math.min(pauseMs, left()) }, left())
    await socket?.send(bytes, chop, Math.min(withinMs, left()))
  }

  async function leave({ link, by }: Extract<Step, { do: 'leave' }>): Promise<void> {
    const socket = sockets.get(link)
    if (by === 'rst') socket?.reset()
    else if (by === 'fin') socket?.leave('window')
    else await socket?.close(Math.min(closeMs, left()))
  }

  async function terminate(): Promise<void> {
    const request = stage.address('target', channel)
    if (!stage.terminate || !request) return
    await stage.terminate()
    const at = probe.now()
    acts.push({ at, doneAt: at, kind: 'signal', request, status: 0, body: '' })
  }

  async function act(kind: 'publish' | 'tune', body: string): Promise<void> {
    const request = stage.control(kind, channel)
    if (request) acts.push(await control.ask(kind, { ...request, body }))
  }

  async function authenticate({ link, token: wanted, also }: Extract<Step, { do: 'authenticate' }>): Promise<void> {
    const text = tokens.textOf(wanted)
    if (text === undefined) return
    const first = client.text(JSON.stringify({ type: 'auth', token: text }))
    await sockets.get(link)?.send(also ? Buffer.concat([first, also]) : first)
  }

  async function poll({ of, is, withinMs }: Extract<Step, { do: 'stats' }>): Promise<void> {
    const request = stage.control('stats', channel)
    if (request) acts.push(await control.poll(request, of, is, withinMs, stage.signal))
  }

  function left(): number {
    return Math.max(0, deadline - probe.now())
  }
}

/** The same request to the second instance; undefined where the target names none. */
function elsewhere(request: SentRequest, { instances }: Declares): SentRequest | undefined {
  const other = instances?.[1]
  if (other === undefined) return undefined
  const { pathname, search } = new URL(request.url)
  return { ...request, url: new URL(pathname + search, other.replace(/^ws/i, 'http')).href }
}

/** The id of the last chunk of a stream that has come. */
function lastId(socket: OpenSocket | undefined): string | undefined {
  const chunk = socket && replies(new Connection(socket.link()), 'chunk').at(-1)
  return typeof chunk?.members['id'] === 'string' ? chunk.members['id'] : undefined
}
