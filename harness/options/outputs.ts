/** `--report`: which formats, and where they go. Pure. */
import { formats } from '../grammar.ts'
import { Mistake, readChoice } from '../values.ts'

export type Format = (typeof formats)[number]

/** One `--report`; without a file it goes to standard output. */
export interface Output {
  readonly format: Format
  readonly file?: string
}

/** @throws Mistake for an unknown format, and for two reports to one place */
export function readReports(given: readonly string[]): Output[] {
  const outputs = given.map((text): Output => {
    if (/^autobahn(?:=|$)/.test(text)) {
      throw new Mistake(`--report ${text} without Autobahn's cases`, 'the command that runs them', `streamproof autobahn URL --report ${text}`)
    }
    const equals = text.indexOf('=')
    const format = readChoice(equals < 0 ? text : text.slice(0, equals), '--report', formats)
    if (equals < 0) return { format }
    const file = text.slice(equals + 1)
    if (file === '') throw new Mistake(`--report ${text} without a file`, 'FORMAT or FORMAT=FILE', `--report ${format}=report.${format}`)
    return { format, file }
  })
  const places = outputs.map(({ file }) => file ?? 'standard output')
  const twice = places.find((place, i) => places.indexOf(place) !== i)
  if (twice !== undefined) {
    throw new Mistake(`two reports to ${twice}`, 'a place of its own for each', `--report ${outputs.at(-1)?.format}=FILE`)
  }
  return outputs
}
