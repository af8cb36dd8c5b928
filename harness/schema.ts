/** Files that a user writes, checked by a JSON schema: the first fault in the words of a usage error. Pure. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { nearest, type UsageError } from './values.ts'

/** What the schemas say beside the rules: each property has a description, and an example that can be typed. */
interface Described {
  readonly description?: string
  readonly examples?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Described>>
}

/** The first fault of a value, with its JSON pointer; undefined when it is right. Values are never quoted: they may be secret. */
export type Check = (value: unknown, file: string) => UsageError | undefined

/** Compiles a schema, when it is first needed. Without `$ref` around a description the description says what is accepted. */
export function checkOf(schema: object): Check {
  let compiled: ValidateFunction | undefined
  return (value, file) => {
    const validate = (compiled ??= new Ajv2020({ strict: false, verbose: true, formats: { date: isDate } }).compile(schema))
    if (validate(value)) return undefined
    const [error] = validate.errors ?? []
    if (!error) throw new Error(`${file} breaks its schema without an error`)
    return mistakeOf(error, file, schema)
  }
}

/** YYYY-MM-DD, and a day that exists. */
function isDate(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text)
}

function mistakeOf({ keyword, instancePath, params, parentSchema }: ErrorObject, file: string, root: object): UsageError {
  const place = `${file}: ${instancePath || 'the document'}`
  const said = (parentSchema ?? {}) as Described
  if (keyword === 'additionalProperties') {
    const name = String(params.additionalProperty)
    const members = Object.keys(said.properties ?? {})
    const meant = nearest(name, members)
    return {
      given: `${place} has "${name}", which means nothing here`,
      accepted: members.join(', '),
      type: meant === undefined ? 'the file without it' : `"${meant}"`,
    }
  }
  if (keyword === 'required') {
    const name = String(params.missingProperty)
    const member = resolved(said.properties?.[name], root)
    return { given: `${place} has no "${name}"`, accepted: member.description ?? `"${name}"`, type: example(name, member) }
  }
  const name = instancePath.split('/').at(-1) ?? ''
  return {
    given: `${place} is not what is expected there`,
    accepted: said.description ?? `type ${String(params.type)}`,
    type: example(/^\d*$/.test(name) ? undefined : name, said),
  }
}

const example = (name: string | undefined, { examples: [value] = [] }: Described): string =>
  value === undefined ? 'what is accepted' : `${name === undefined ? '' : `"${name}": `}${JSON.stringify(value)}`

/** A property, or the definition of this document that it refers to. */
function resolved(property: (Described & { readonly $ref?: string }) | undefined, root: object): Described {
  const name = /^#\/\$defs\/(\w+)$/.exec(property?.$ref ?? '')?.[1]
  const definitions = (root as { readonly $defs?: Readonly<Record<string, Described>> }).$defs
  return (name === undefined ? property : definitions?.[name]) ?? {}
}
