/** Where things are, seen from the compiled benchmarks (bench/build/bench). */
import { fileURLToPath } from 'node:url';

export const BENCH_DIR = fileURLToPath(new URL('../../', import.meta.url));
export const RESULTS_DIR = fileURLToPath(new URL('../../results/', import.meta.url));
export const HOLDFAST = fileURLToPath(new URL('../../../bin/holdfast.js', import.meta.url));
export const PACKAGE_JSON = fileURLToPath(new URL('../../../package.json', import.meta.url));
