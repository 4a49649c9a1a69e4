/**
 * The help of `ekaf produce`.
 *
 * @module
 */

import { describeFlags } from "./flags.ts";
import { PRODUCE_FLAGS } from "./produce_arguments.ts";

/** What `ekaf produce --help` shows. */
export const PRODUCE_HELP: string = `Usage: ekaf produce --bootstrap HOST:PORT --topic NAME [OPTION…] [FILE…]

Sends each line of the files, or of standard input, as a record, and waits until
all are acknowledged. "-" is standard input. Lines end at \\n and nowhere else;
their bytes are not touched, an empty line is an empty record, and a last line
without \\n counts. Reading stops at the first line that cannot be sent; it is
named by file and number.

Options:
${describeFlags(PRODUCE_FLAGS)}

Exit codes:
  0    every record is acknowledged
  1    some record is not, a line cannot be sent, a file cannot be read
  2    no broker can be reached
  64   wrong arguments
  130  interrupted twice

Ctrl-C or SIGTERM stops reading and waits up to 10 s for what was read; a second
one ends at once.

Examples:
  ekaf produce --bootstrap localhost:9092 --topic logs /var/log/*.log
  tail -F app.log | ekaf produce --bootstrap localhost:9092 --topic logs
  ekaf produce --bootstrap k1,k2 --topic u --key-separator : users.txt
`;
