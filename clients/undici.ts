/** The EventSource of undici. Type: npx streamproof client --keep --cmd 'node clients/undici.ts' */
import { EventSource } from 'undici'
import { serve } from './adapter.ts'

serve((url) => new EventSource(url))
