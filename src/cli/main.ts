/**
 * The command line: `deno run -NR jsr:@ekaf/ekaf/cli --help`.
 *
 * @module
 */

import { runCommandLine } from "./command_line.ts";
import { ProcessShell } from "./shell.ts";

if (import.meta.main) {
  // What is still pending then, a read of the terminal for one, is not waited for.
  Deno.exit(await runCommandLine(new ProcessShell(), Deno.args));
}
