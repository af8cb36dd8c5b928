/** Other numbers than usual for rules of convention: `--threshold NAME=VALUE`, `thresholds` of a config file. Pure. */
import { faultOfThreshold, isThresholdName, thresholdNames, usual, type Thresholds } from '../../spec/thresholds.ts'
import { Mistake, nearest } from '../values.ts'

/**
 * Values by name, of `--threshold` or as a config file has them.
 * @throws Mistake for a name that is none, and for a value outside of what the kit can look at
 */
export function readThresholds(given: Readonly<Record<string, unknown>>): Partial<Thresholds> {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => {
    if (!isThresholdName(name)) {
      const meant = thresholdNames.find((known) => known === nearest(name, thresholdNames)) ?? 'first-byte'
      const type = `--threshold ${meant}=${usual[meant]}`
      throw new Mistake(`--threshold ${name}, which is no threshold`, thresholdNames.join(', '), type)
    }
    const fault = typeof value === 'number' ? faultOfThreshold(name, value) : faultOfThreshold(name, Number.NaN)
    if (fault) throw new Mistake(`--threshold ${name}=${String(value)}`, fault, `--threshold ${name}=${usual[name]}`)
    return [name, value as number]
  }))
}

/** Each text is `NAME=VALUE`, the value a whole number without unit; the last of a name holds. @throws Mistake */
export function parseThresholds(texts: readonly string[]): Partial<Thresholds> {
  return readThresholds(Object.fromEntries(texts.map((text) => {
    const equals = text.indexOf('=')
    const example = `--threshold first-byte=${usual['first-byte']}`
    if (equals < 0) throw new Mistake(`--threshold ${text} without a value`, 'NAME=VALUE', example)
    const value = text.slice(equals + 1)
    return [text.slice(0, equals), /^\d+$/.test(value) ? Number(value) : value]
  })))
}
