/** The npm package eventsource. Type: npm install eventsource, npx streamproof client --keep --cmd 'node clients/eventsource.ts' */
import { serve, type Source } from './adapter.ts'

// a name that is no literal: the package is not among the dependencies of the kit
const name: string = process.env.EVENTSOURCE ?? 'eventsource'
const { EventSource } = await import(name) as { EventSource: new (url: string) => Source }

serve((url) => new EventSource(url))
