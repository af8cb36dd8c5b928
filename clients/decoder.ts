/** The kit's own decoder, in the EventSource of source.ts. Type: npx streamproof client --keep --cmd 'node clients/decoder.ts' */
import { serve } from './adapter.ts'
import { Source } from './source.ts'

serve((url) => new Source(url))
