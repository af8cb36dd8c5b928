/** Performs stimuli: opens, reads and leaves links as their steps say, and asks a driver to act. */
import { request as send, Agent } from 'undici'
import type { Act, Declares, Link, SentRequest, Transcript } from '../spec/model.ts'
import { changed, type Address, type Step, type Stimulus } from '../suites/stimulus.ts'
import type { OpenLink } from './link.ts'
import type { Probe } from './probe.ts'
import { linkLimit, type Limit } from './wire.ts'

export interface StageOptions {
  readonly probe: Probe
  /** the target is a driver */
  readonly driven: boolean
  readonly declares: Declares
  /** ms of the observation window */
  readonly observeMs: number
  readonly insecure: boolean
  readonly signal?: AbortSignal
  /** the ordinary request to an address; undefined when the target has none */
  address(address: Address, channel: string): SentRequest | undefined
  /** the request of a control act */
  control(act: 'publish' | 'finish', channel: string): SentRequest | undefined
}

/** Links besides the base look at one thing each; of a driver they carry what the kit published. */
const observedLimit: Limit = { bytes: 2 * 1024 * 1024, lines: 10_000 }

/** A stimulus performed: the transcript of all it opened, up to the deadline. Never throws for what a target does. */
export async function perform(stimulus: Stimulus, channel: string, stage: StageOptions): Promise<Transcript> {
  const { probe } = stage
  const links = new Map<string, OpenLink>()
  const acts: Act[] = []
  const limit = stage.driven ? linkLimit : observedLimit
  const deadline = probe.now() + stimulus.deadlineMs
  const agent = new Agent({ connect: { rejectUnauthorized: !stage.insecure }, pipelining: 1, connections: 64 })
  try {
    for (const step of stimulus.steps) {
      if (stage.signal?.aborted) break
      await take(step)
    }
  } finally {
    for (const link of links.values()) link.leave('window')
    await agent.destroy()
  }
  const seen: Link[] = [...links.values()].map((link) => link.link())
  return { stimulus: stimulus.id, declares: stage.declares, links: seen, acts }

  async function take(step: Step): Promise<void> {
    if (step.do === 'open') {
      const ordinary = stage.address(step.to, channel)
      if (!ordinary) return
      const dial = { id: `${stimulus.id}/${step.link}`, role: step.role, request: changed(ordinary, step.asked), limit }
      const link = probe.open(step.asked?.host ? { ...dial, host: step.asked.host } : dial)
      links.set(step.link, link)
      if (step.until) await link.read(step.until, 'window' in step.until ? stage.observeMs : left())
      else await link.head(left())
      return
    }
    if (step.do === 'read') await links.get(step.link)?.read(step.until, left(), true)
    if (step.do === 'leave') links.get(step.link)?.leave('window')
    if (step.do === 'publish') acts.push(...await Promise.all(step.batches.map((batch) => act('publish', JSON.stringify(batch)))))
    if (step.do === 'finish') acts.push(await act('finish'))
  }

  function left(): number {
    return Math.max(0, deadline - probe.now())
  }

  async function act(kind: 'publish' | 'finish', body?: string): Promise<Act> {
    const request = stage.control(kind, channel)
    const at = probe.now()
    if (!request) throw new Error(`the plan asked for ${kind}, which the target does not offer`)
    const asked: SentRequest = body === undefined ? request : { ...request, body }
    try {
      const answer = await send(asked.url, {
        dispatcher: agent,
        method: asked.method as 'POST',
        headers: Object.fromEntries(asked.headers),
        ...(body === undefined ? {} : { body }),
        headersTimeout: Math.max(1, left()),
        bodyTimeout: Math.max(1, left()),
      })
      return { at, kind, request: asked, status: answer.statusCode, body: await answer.body.text(), doneAt: probe.now() }
    } catch (error) {
      return { at, kind, request: asked, status: 0, body: error instanceof Error ? error.message : '', doneAt: probe.now() }
    }
  }
}
