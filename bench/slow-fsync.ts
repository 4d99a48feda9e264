/** Builds the LD_PRELOAD shim that makes a server's disk slow, and says with which environment it is used. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { BENCH_DIR } from './paths.ts';

const SOURCE = join(BENCH_DIR, 'slow-fsync', 'slow-fsync.c');

/**
 * Environment of a server whose every durable write takes `delayMs` longer. The library is built into `dir`.
 * @throws Error with the compiler's words if it cannot be built.
 */
export function slowFsyncEnvironment(delayMs: number, dir: string): Record<string, string> {
  const library = join(dir, 'slow-fsync.so');
  const built = spawnSync('cc', ['-O2', '-Wall', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl'], { encoding: 'utf8' });
  if (built.error !== undefined) throw new Error(`--slow-fsync needs a C compiler: ${built.error.message}`);
  if (built.status !== 0) throw new Error(`${SOURCE} does not compile:\n${built.stderr}`);
  // The shim sees calls of the C library only, not what libuv would submit through a ring.
  return { LD_PRELOAD: library, SLOW_FSYNC_MS: String(delayMs), UV_USE_IO_URING: '0' };
}
