/**
 * Where random tests begin: each at a number of its own, so that a run of the tests says the same of the same code; or at the clock's, where
 * FRESH_SEEDS is set, as the scripts in package.json do that search for more. A test names its variable, which gives the number itself.
 */

const FIXED = 181018;

/** @param variable of the environment, such as "KILL_SEED" */
export function testSeed(variable: string, fixed = FIXED): number {
  const given = process.env[variable];
  if (given !== undefined) return Number(given);
  return process.env['FRESH_SEEDS'] === undefined ? fixed : Date.now() % 1e9;
}
