/** The code of recipes: parts of the files in `examples/`, which run as they stand. */
import { readFileSync } from 'node:fs'
import { inWords, recipes, type RecipeId } from '../spec/sse/explain/recipes.ts'

/** Example files in the order in which they are shown, and for whom they are. */
export const examples = {
  'stream.js': 'node:http and Express',
  'front.js': 'node:http and Express',
  'node-http.js': 'node:http',
  'express.js': 'Express',
  'fastapi_streams.py': 'FastAPI',
  'nginx.conf': 'nginx',
} as const

export type ExampleFile = keyof typeof examples

/** What one file has to say of a recipe. */
export interface Part {
  readonly file: ExampleFile
  /** lines without the indentation that they share */
  readonly lines: readonly string[]
}

/** Files of the package lie above `dist`, and beside `harness` in the repository. */
export const packageFile = (path: string): URL => new URL(`${import.meta.url.endsWith('.ts') ? '..' : '../..'}/${path}`, import.meta.url)

/**
 * The parts of a text by recipe: what stands between a comment `recipe: ID` and the comment `end`. Parts may lie in one
 * another; their marks are left out. Several parts of one recipe follow each other with a blank line between.
 * @throws Error for a mark that is not closed, or closes nothing
 */
export function partsOf(text: string): Map<string, string[]> {
  const parts = new Map<string, string[]>()
  const open: string[] = []
  text.split('\n').forEach((line, i) => {
    const [, id] = /^\s*(?:\/\/|#) recipe: (\S+)$/.exec(line) ?? []
    if (id !== undefined) {
      open.push(id)
      const before = parts.get(id)
      if (before) before.push('')
      else parts.set(id, [])
    } else if (/^\s*(?:\/\/|#) end$/.test(line)) {
      if (open.pop() === undefined) throw new Error(`line ${i + 1}: "end" without "recipe"`)
    } else for (const one of open) parts.get(one)?.push(line)
  })
  if (open.length > 0) throw new Error(`recipe ${open.at(-1)} has no end`)
  return new Map([...parts].map(([id, lines]) => [id, flushLeft(lines)]))
}

function flushLeft(lines: readonly string[]): string[] {
  const margins = lines.filter((line) => line !== '').map((line) => line.length - line.trimStart().length)
  const margin = Math.min(...margins)
  return lines.map((line) => line.slice(margin))
}

/** Every part of a recipe, in the order of `examples`; none for a recipe in words. */
export function partsOfRecipe(id: RecipeId): Part[] {
  if (inWords.has(id)) return []
  return (Object.keys(examples) as ExampleFile[]).flatMap((file): Part[] => {
    const lines = partsOf(readFileSync(packageFile(`examples/${file}`), 'utf8')).get(id)
    return lines === undefined ? [] : [{ file, lines }]
  })
}

/** What a recipe does, in a line. */
export const titleOf = (id: RecipeId): string => recipes[id]
