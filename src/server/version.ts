/** What the program calls itself, and what it tells Redis clients that it is. */

export const PROGRAM_VERSION = '0.1.0';
/** The version of Redis whose behaviour clients may rely on. */
export const REDIS_VERSION = '7.2.0';
