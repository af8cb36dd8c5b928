/** Typical bugs of `sse/retry`. */
import type { Explanations } from './explanation.ts'

export const retry: Explanations = {
  'digits-only': {
    bug: 'res.write("retry: 3s\\n\\n")',
    flaw: 'units, signs, fractions and a second space make the line one that is ignored',
    recipes: ['event'],
    related: ['retry/bounds'],
  },
  'not-empty': {
    bug: 'res.write(`retry: ${options.retry ?? ""}\\n`)',
    flaw: 'the value was not set; clients differ in what an empty one means',
    recipes: ['event'],
    related: ['fields/event-name-nonempty'],
  },
  bounds: {
    bug: 'res.write("retry: 3\\n\\n")   // meant: seconds',
    flaw: 'three milliseconds: every client that loses its stream asks again at once',
    recipes: ['event'],
    related: ['retry/moderate', 'status/no-instant-empty-200'],
    page: 'resume',
  },
  moderate: {
    bug: 'res.write("retry: 100\\n\\n")',
    flaw: 'a restart is followed by ten requests a second from every open page',
    recipes: ['event', 'capacity'],
    related: ['retry/bounds', 'status/5xx-for-capacity'],
    page: 'resume',
  },
  'fits-int32': {
    bug: 'res.write("retry: 9999999999\\n\\n")   // meant: never again',
    flaw: 'timers hold 31 bits: some clients come back at once, others in four months',
    recipes: ['stop'],
    related: ['status/204-to-stop', 'retry/bounds'],
  },
}
