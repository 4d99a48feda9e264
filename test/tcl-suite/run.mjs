#!/usr/bin/env node
/**
 * `npm run test:tcl -- CHECKOUT FILE...`: runs files of Redis's or Valkey's own Tcl suite against Holdfast, and says per file
 * how many tests passed and which failed.
 *
 *   npm run test:tcl -- ~/src/redis unit/type/string unit/expire
 *   npm run test:tcl -- ~/src/redis --server ~/src/redis/src/redis-server unit/type/string
 *
 * CHECKOUT is a work tree of Redis 7.4 or Valkey 8.1; it is not changed, and nothing in it needs to be built. `tclsh` 8.5 or
 * newer must be installed. Without FILEs: every file of tests/unit and tests/unit/type.
 *
 *   --server PROGRAM  runs against this redis-server or valkey-server instead: what passes there is what can pass
 *   --tags TAGS       which tests, by the suite's tags (default "-slow")
 *   --only PATTERN    tests of this name, or matching it if it begins with "/" (repeatable)
 *   --skip PATTERN    none of these tests, likewise (repeatable)
 *   --directive LINE  a directive for the server, as "name value" (repeatable)
 *   --no-debug        the server refuses DEBUG, and tests that need it are left out
 *   --ignore-encoding no test looks at encodings
 *   --timeout SECONDS a file without progress for so long is ended (default 120)
 *   --json PATH       writes what came out there as JSON as well
 *   --verbose         shows the suite's output as it comes, and failures with all their lines
 *
 * The suite is in its external-server mode (`--host`, `--port`): it connects to a running server, and leaves out tests that
 * must start one of their own. Files leave settings behind, so each gets a server of its own, on a free port, with an
 * empty temporary directory. The suite is told `--durable`: an error in one test does not end the file. What still ends it
 * (the server is gone, an error outside a test, no progress) is shown as "cut off". Exit code: 0 if everything passed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HOLDFAST = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));
const READY = /Ready to accept connections/;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    server: { type: 'string' },
    tags: { type: 'string', default: '-slow' },
    only: { type: 'string', multiple: true, default: [] },
    skip: { type: 'string', multiple: true, default: [] },
    directive: { type: 'string', multiple: true, default: [] },
    'no-debug': { type: 'boolean', default: false },
    'ignore-encoding': { type: 'boolean', default: false },
    timeout: { type: 'string', default: '120' },
    json: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
const [checkout, ...named] = positionals;
if (checkout === undefined || !existsSync(join(checkout, 'tests/test_helper.tcl'))) {
  console.error('Usage: npm run test:tcl -- CHECKOUT [FILE...], CHECKOUT being a work tree of Redis or Valkey; test/tcl-suite/run.mjs says more');
  process.exit(2);
}

/** Every file of the suite that can run against a server that it did not start. */
function allFiles() {
  return ['unit', 'unit/type'].flatMap((dir) => readdirSync(join(checkout, 'tests', dir))
    .filter((name) => name.endsWith('.tcl')).map((name) => `${dir}/${name.slice(0, -'.tcl'.length)}`));
}

async function freePort() {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** A server with an empty directory, ready; `stop` ends it and removes the directory. */
async function startServer() {
  const dir = mkdtempSync(join(tmpdir(), 'tcl-suite-'));
  const port = await freePort();
  const directives = { port, dir, save: '', 'enable-protected-configs': 'yes', 'enable-module-command': 'yes', 'enable-debug-command': options['no-debug'] ? 'no' : 'yes' };
  for (const line of options.directive) {
    const [name, ...words] = line.split(' ');
    directives[name] = words.join(' ');
  }
  const args = Object.entries(directives).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const [program, ...before] = options.server === undefined ? [HOLDFAST, 'server'] : [resolve(options.server)];
  const child = spawn(program, [...before, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
  const server = { port, log: '', stop: async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(dir, { recursive: true, force: true });
  }, ended: () => child.exitCode ?? child.signalCode };
  await new Promise((ready, failed) => {
    const read = (bytes) => {
      server.log += bytes.toString('latin1');
      if (READY.test(server.log)) ready();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => failed(new Error(`the server ended with ${code}:\n${server.log}`)));
  });
  return server;
}

/** Runs one file; what came out. */
async function runFile(file) {
  const server = await startServer();
  const denied = options['no-debug'] ? `${options.tags} -needs:debug` : options.tags;
  const args = [
    'tests/test_helper.tcl', '--host', '127.0.0.1', '--port', String(server.port), '--single', file, '--tags', denied, '--durable', '--clients', '1', '--timeout', options.timeout,
    ...options.only.flatMap((pattern) => ['--only', pattern]), ...options.skip.flatMap((pattern) => ['--skiptest', pattern]), '--dont-clean', '--dont-pre-clean',
    '--baseport', String(await freePort()), '--portcount', '20', ...(options['ignore-encoding'] ? ['--ignore-encoding'] : []),
  ];
  // In a process group of its own: its test client is a process of its own, which outlives a suite that gave up.
  const suite = spawn('tclsh', args, { cwd: checkout, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  const read = (bytes) => {
    output += bytes.toString();
    if (options.verbose) process.stdout.write(bytes);
  };
  suite.stdout.on('data', read);
  suite.stderr.on('data', read);
  const closed = once(suite, 'close');
  await once(suite, 'exit');
  try {
    process.kill(-suite.pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
  await closed;
  const serverEnded = server.ended();
  await server.stop();
  return { file, ...outcome(output), serverEnded };
}

/** Reads the suite's output: a line "[status]: text" for each test, lines that belong to a failure behind it. */
function outcome(coloured) {
  const output = coloured.replace(/\x1b\[[\d;]*m/g, '');
  const result = { passed: 0, failed: [], skipped: 0, cutOff: null };
  let last = null;
  // The suite repeats all failures at its end.
  const [body] = output.split(/^\s*The End\s*$/m);
  for (const line of body.split('\n')) {
    const [, status, text] = /^\[(ok|err|skip|ignore|exception|TIMEOUT)\]: (.*)$/.exec(line) ?? [];
    if (status === undefined) {
      if (last !== null) last.detail += `${line}\n`;
      continue;
    }
    last = null;
    if (status === 'ok') result.passed++;
    else if (status === 'err') {
      last = { name: text, detail: '' };
      result.failed.push(last);
    } else if (status === 'exception' || status === 'TIMEOUT') {
      last = { name: text, detail: '' };
      result.cutOff = last;
    } else result.skipped++;
  }
  if (result.cutOff === null && !/\bdone\]: /.test(output)) result.cutOff = { name: 'the suite ended early', detail: output.slice(-1000) };
  return result;
}

const indent = (text, lines) => text.trimEnd().split('\n').slice(0, lines).filter((line) => line !== '').map((line) => `      ${line}\n`).join('');

const results = [];
for (const file of named.length > 0 ? named : allFiles()) {
  const result = await runFile(file.replace(/^tests\//, '').replace(/\.tcl$/, ''));
  results.push(result);
  const { passed, failed, skipped, cutOff, serverEnded } = result;
  process.stdout.write(`${result.file}: ${passed} passed, ${failed.length} failed, ${skipped} left out${cutOff === null ? '' : ', cut off'}\n`);
  const lines = options.verbose ? Infinity : 3;
  for (const { name, detail } of failed) process.stdout.write(`  [err] ${name}\n${indent(detail, lines)}`);
  if (cutOff !== null) process.stdout.write(`  [cut off] ${cutOff.name}\n${indent(cutOff.detail, Infinity)}`);
  if (serverEnded !== null) process.stdout.write(`  the server had ended: ${serverEnded}\n`);
}
const count = (of) => results.reduce((sum, result) => sum + of(result), 0);
const [failures, cutOffs] = [count(({ failed }) => failed.length), count(({ cutOff }) => (cutOff === null ? 0 : 1))];
process.stdout.write(`${results.length} files: ${count(({ passed }) => passed)} passed, ${failures} failed, ${count(({ skipped }) => skipped)} left out, ${cutOffs} cut off\n`);
if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(results, null, 1));
process.exitCode = failures + cutOffs > 0 ? 1 : 0;
