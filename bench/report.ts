/** Where results go: JSON files that say on what and with what they were measured. */
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { RESULTS_DIR } from './paths.ts';
import { type ServerKind, versionOf } from './servers.ts';

/** Writes `results` with the circumstances to `path`, or to a dated file of the results folder; returns the path. */
export function writeReport(name: string, path: string | undefined, kinds: readonly ServerKind[], options: object, results: object): string {
  const date = new Date().toISOString();
  const file = path ?? join(RESULTS_DIR, `${name}-${date.replaceAll(':', '-').slice(0, 19)}.json`);
  const circumstances = {
    date, cpus: os.cpus().length, cpu: os.cpus()[0]!.model, memoryBytes: os.totalmem(), os: `${os.type()} ${os.release()}`, node: process.version,
    servers: Object.fromEntries(kinds.map((kind) => [kind, versionOf(kind)])),
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ benchmark: name, ...circumstances, options, results }, null, 2)}\n`);
  return file;
}

/** A line that shows that something goes on. To stderr, so that tables can be redirected. */
export function progress(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
