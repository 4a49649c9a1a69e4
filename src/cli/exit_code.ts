/**
 * What the command line tells its caller by the exit code.
 *
 * @module
 */

/** Every record was acknowledged; the command did what it was asked to. */
export const EXIT_OK = 0;
/** A record was not acknowledged, a file could not be read, a topic does not exist. */
export const EXIT_FAILED = 1;
/** No broker could be reached. */
export const EXIT_UNREACHABLE = 2;
/** Wrong arguments: `EX_USAGE` of sysexits.h. */
export const EXIT_USAGE = 64;
/** Interrupted a second time: 128 and the number of SIGINT, as shells have it. */
export const EXIT_INTERRUPTED = 130;
