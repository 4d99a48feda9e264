/** What benchmarks have in common: how they are run, and the reading of their options. */

/** Runs a benchmark to its end. What stops it is told in one line, with a stack only when HOLDFAST_BENCH_STACK is set. */
export function runBenchmark(main: () => Promise<void>): void {
  main().then(() => process.exit(0), (error: unknown) => {
    const text = error instanceof Error ? (process.env['HOLDFAST_BENCH_STACK'] === undefined ? error.message : error.stack) : String(error);
    process.stderr.write(`${text}\n`);
    process.exit(1);
  });
}

/** A list of whole numbers from "1,50,200". @throws Error naming the option. */
export function numbers(option: string, text: string): number[] {
  return text.split(',').map((word) => number(option, word));
}

/** A whole number above zero. @throws Error naming the option. */
export function number(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`--${option}: '${text}' is not a whole number above zero`);
  return value;
}

/** Milliseconds of --slow-fsync, 0 without it. @throws Error if it is no such number. */
export function slowFsyncMs(text: string | undefined): number {
  if (text === undefined) return 0;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--slow-fsync: '${text}' is not a number of milliseconds`);
  return value;
}

/** What to print about the disk: a slowed one must never be taken for a real one. */
export function diskNote(delayMs: number): string {
  return delayMs === 0 ? 'Disk: as it is.' : `Disk: SLOWED, every fsync takes ${delayMs} ms longer, for all servers that write.`;
}
