/** What of Autobahn is other here, and what is left out. */

/** Where verdicts were compared; suites/autobahn.test.ts holds what Autobahn said. */
export const recordedOn: readonly string[] = [
  'autobahntestsuite 25.10.1 was run (Python 2.7.18, Twisted 19.10.0) on `ws` 8.23.0, on a uWebSockets.js echo and on eleven servers of',
  'this kit, right and wrong on purpose, cases 1 to 7 and 10. On ws, on the right server, and on those that drop TCP for a fault, name',
  'another code, send messages twice or answer a Close with another code, both columns of all 247 cases are the same. On uWebSockets.js',
  'all but 3.3 are, which depends on whether the echo or the reset arrives first. On the others the first column is the same but for the',
  'differences below. A test repeats the comparison.',
]

export const differences: readonly (readonly [cases: string, here: string])[] = [
  ['all', 'a fault or a Close that the target does not react to is FAILED; Autobahn says OK in the first column and finds only the close wrong'],
  ['all', 'what a target says by itself (greetings, pings, pongs nobody asked for) is left out; Autobahn compares all events and fails a server that greets in 244 cases'],
  ['all', 'INCONCLUSIVE: no message came back at all, or the application refused one (Close 1003, 1008, 3000 and above, 1007 for valid text)'],
  ['all', 'where the target leaves the closing to the kit, the kit closes with 1000, and Autobahn with 1001 or without a code, so that a target that sends the code back gets another close column'],
  ['all', 'cases run side by side and end by what comes; for a reaction they wait 2 s at least, where Autobahn waits 0.5 to 1 s'],
  ['2.10, 2.11', 'a target that answers only the latest of several pings is NON-STRICT; RFC 6455 5.5.3 allows it, and Autobahn fails it'],
  ['3.6', 'announced as a ping, and sends a binary message: that is kept, the ping is 3.6+'],
  ['5.19, 5.20', 'the first pong has to come before the second half is sent, else NON-STRICT; Autobahn looks at the order alone'],
  ['6.4.*', 'a target that sends its Close and leaves TCP open is FAILED BY CLIENT; Autobahn does not end'],
  ['6.12.8, 6.13.*', 'leave out the last byte of each range: the whole ranges are beside them'],
  ['7.1.6', 'says how many messages came before the Close; what Autobahn accepts there cannot match an echo, and is informational too'],
  ['7.9.*', 'nine codes as in this release; older reports have other codes under the same numbers'],
  ['9.*', 'content is compared, not only type and length; 60 s at most for one message; a limit of the target (Close 1003, 1008, 1009) is INCONCLUSIVE'],
  ['10.1.1', 'the check of the tester\'s own number of frames is a test here'],
  ['12.*, 13.*', 'generated JSON, picture, prose, HTML and noise in place of five files of others; as many messages as fit into 1 MiB, 4 to 1000, unless --messages says more'],
]

export const skipped: readonly (readonly [cases: string, why: string])[] = [
  ['9.9.1', 'an endless message of frames of 4 KiB; commented out in Autobahn'],
  ['tests of clients', 'the kit is not a WebSocket server for clients under test'],
]
