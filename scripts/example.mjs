/** Runs an example's demo: npm run example sessions. The demo connects to DATABASE_URL, by default redis://127.0.0.1:6379. */
import { readdirSync } from 'node:fs';

const compiled = new URL('../examples/dist/', import.meta.url);
const names = readdirSync(compiled, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
const [name] = process.argv.slice(2);
if (names.includes(name)) {
  await import(new URL(`${name}/demo.js`, compiled).href);
} else {
  console.error(`Usage: npm run example <name>, where <name> is one of ${names.join(', ')}`);
  process.exitCode = 1;
}
