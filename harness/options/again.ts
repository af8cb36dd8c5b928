/** The command line that shows a run again, secrets hidden. Pure. */
import type { Option } from 'commander'
import type { Flags } from '../grammar.ts'
import { shellWord } from '../report/text.ts'
import { isHarmless, redactText, redactUrl } from '../secrets.ts'

/** Flags that only say what is printed or judged this time. */
const ofThisTime = new Set([
  'target', 'report', 'plan', 'only', 'skip', 'replay', 'baseline', 'updateBaseline', 'reason', 'watch', 'watchPath', 'record',
])

/**
 * The arguments as they were typed, so that `$VAR` and `@file` work again; literal secrets become `***`.
 * @param target the word that names the target, secrets hidden
 */
export function againOf(target: string, flags: Flags, options: readonly Option[], secrets: readonly string[]): string {
  const words = [target]
  for (const option of options) {
    const key = option.attributeName()
    const typed = flags[key as keyof Flags]
    if (typed === undefined || ofThisTime.has(key)) continue
    if (typed === true) words.push(option.long ?? '')
    else for (const value of typeof typed === 'string' ? [typed] : typed) words.push(option.long ?? '', shownValue(key, value, secrets))
  }
  return words.map(shellWord).join(' ')
}

function shownValue(key: string, value: string, secrets: readonly string[]): string {
  const namesVariable = /\$[A-Za-z_{]/.test(value)
  const shown = key === 'waitFor' ? redactUrl(value, secrets) : redactText(value, secrets)
  if (key === 'token') return namesVariable ? shown : '***'
  if (key === 'body') return value.startsWith('@') ? shown : '***'
  if (key !== 'header') return shown
  const name = value.slice(0, value.indexOf(':'))
  return namesVariable || isHarmless(name) ? shown : `${name}: ***`
}
