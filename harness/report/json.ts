/** The report as JSON (v1, `spec/report.schema.json`): the Report value, escaped so that no reader is misled by it. */
import type { Report } from '../report.ts'
import { json } from './text.ts'

/** One JSON document; ends with a line feed. */
export function renderJson(report: Report): string {
  return `${json(report)}\n`
}
