/**
 * Loads the core of fengari 0.1.5 with changes: its Lua 5.3 becomes Redis's Lua 5.1. Its modules are read as text, changed
 * as patches.ts and grammar-patches.ts say, and compiled; strings and tables are ours altogether. Fengari's own libraries
 * are not loaded: what would reach files and processes is not in memory.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { compileFunction } from 'node:vm';
import { OperationalError } from '../../shared/errors.ts';
import type { Core, ModuleExports, Require } from './core.ts';
import { formatGeneral } from '../number-format.ts';
import { power } from '../power.ts';
import { GRAMMAR_PATCHES } from './grammar-patches.ts';
import { PATCHES, type Patch } from './patches.ts';
import { stringModule } from './strings.ts';
import { tableModule } from './tables.ts';

const VERSION = '0.1.5';

/** Modules that take the place of fengari's. */
const OURS: Readonly<Record<string, (require: Require) => ModuleExports>> = {
  'lstring.js': stringModule,
  'ltable.js': tableModule,
  numbers: () => ({ formatGeneral, power }),
  // Compiled chunks are neither written nor read.
  'ldump.js': () => ({ luaU_dump: () => 1 }),
  'lundump.js': () => ({}),
};

/** Assertions on every instruction and call of the interface cost a fifth of the time. */
const ASSERTIONS = /^\s*(?:lua_assert|api_check|lapi\.api_checknelems|api_checknelems)\(.*\);.*$/gm;
/** A deleted element turns the stack into a dictionary. */
const DELETIONS = /\bdelete ((?:L|from)\.stack\[[^\]]*\]);/g;

type Compiled = (require: Require, module: { exports: ModuleExports }) => void;

/** @throws OperationalError FENGARI when the installed fengari is not the one that the patches were made for. */
export function loadCore(): Core {
  const nodeRequire = createRequire(import.meta.url);
  const folder = dirname(nodeRequire.resolve('fengari'));
  const { version } = nodeRequire('fengari/package.json') as { version: string };
  if (version !== VERSION) throw new OperationalError('FENGARI', `fengari ${VERSION} is needed, and ${version} is installed`);
  const loaded = new Map<string, { exports: ModuleExports }>();
  const require: Require = (name) => {
    const file = name.replace('./', '');
    if (file === 'os') return { platform: () => 'linux' };
    const known = loaded.get(file);
    if (known !== undefined) return known.exports;
    const module = { exports: {} as ModuleExports };
    loaded.set(file, module);
    const ours = OURS[file];
    if (ours !== undefined) Object.assign(module.exports, ours(require));
    else {
      const source = patched(file, readFileSync(join(folder, file), 'utf8'));
      const run = compileFunction(source, ['require', 'module'], { filename: join(folder, file) }) as unknown as Compiled;
      run(require, module);
    }
    return module.exports;
  };
  return {
    lapi: require('./lapi.js'), ldebug: require('./ldebug.js'), ldo: require('./ldo.js'), lobject: require('./lobject.js'), lstate: require('./lstate.js'),
    lstring: require('./lstring.js'), ltable: require('./ltable.js'), lvm: require('./lvm.js'),
  } as unknown as Core;
}

function patched(file: string, original: string): string {
  let source = original;
  for (const patch of [...PATCHES, ...GRAMMAR_PATCHES]) if (patch.file === file) source = apply(patch, source);
  return source.replace(ASSERTIONS, ';').replace(DELETIONS, '$1 = void 0;');
}

function apply(patch: Patch, source: string): string {
  const parts = source.split(patch.from);
  if (parts.length !== 2) throw new OperationalError('FENGARI', `${patch.file} holds this ${parts.length - 1} times instead of once: ${patch.from}`);
  return parts.join(patch.to);
}
