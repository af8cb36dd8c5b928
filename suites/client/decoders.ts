/** Wrong decoders, each with the rule that finds it and the rules that cannot help failing with it. */
import { wrongAboutFields } from './decoders/fields.ts'
import { wrongAboutLines } from './decoders/lines.ts'
import type { WrongDecoder } from './decoders/wrong.ts'

export const wrongDecoders: Readonly<Record<string, WrongDecoder>> = { ...wrongAboutLines, ...wrongAboutFields }
