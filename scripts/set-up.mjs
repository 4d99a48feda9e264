/** Makes a checkout ready to run: installs what package-lock.json names and builds, each only when it is out of date. */
import { execSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const modified = (path) => (existsSync(join(root, path)) ? statSync(join(root, path)).mtimeMs : 0);
const run = (command) => execSync(command, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });

if (modified('node_modules/.package-lock.json') < modified('package-lock.json')) run('npm ci --no-audit --no-fund');

const sources = readdirSync(join(root, 'src'), { recursive: true }).map((name) => join('src', name));
const newest = Math.max(...['package.json', 'tsconfig.json', 'tsconfig.build.json', ...sources].map(modified));
if (modified('dist/.tsbuildinfo') < newest) run('npx tsc -p tsconfig.build.json');
