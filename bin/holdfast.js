#!/usr/bin/env -S node --single-threaded-gc --max-semi-space-size=16 --use-largepages=silent --initial-old-space-size=128
/**
 * The `holdfast` executable. The flags above: the data is not on the JavaScript heap, so short pauses matter more than the
 * collector's throughput; with the program in large pages, where the system has them, a command takes some 5 % less time; and
 * the collector counts the buffers of records that are read as growth of a heap of 15 MB, so that by its own idea of when a
 * heap is large it would mark all of it again after every 8 MB of them (30 ms, several times a second while a snapshot is made).
 * Linux before 5.1 takes 127 characters of this line: what else is set for a server (docs/operations.md, Memory) has no room in it.
 */
import { readFileSync } from 'node:fs';

const USAGE = `Usage: holdfast server [/path/to/redis.conf] [--directive value ...]
       holdfast status | member | failover | drain [--help]
       holdfast import redis[s]://HOST:PORT [--help]
       holdfast --help
       holdfast --version

A durable, Redis-compatible, in-memory database: each write is acknowledged only after its log record is fsynced.

Examples:
  holdfast server --port 6379 --dir ./data
  holdfast server /etc/holdfast/redis.conf --requirepass secret
  holdfast status --port 6379
`;

const [command, ...args] = process.argv.slice(2);
if (command === 'server') {
  // Read when the first file operation starts the pool: fsyncs must not wait for each other's threads.
  process.env.UV_THREADPOOL_SIZE ??= '8';
  const { runServer } = await import('../dist/main.js').catch((error) => {
    // Node opens the program's files all at once.
    if (error.code !== 'EMFILE') throw error;
    process.stderr.write("holdfast: the current 'ulimit -n' is not enough for the server to start. Please increase your open file limit to 1024 or more. Exiting.\n");
    process.exit(1);
  });
  await runServer(args);
} else if (command === 'shadow-launcher' && process.send !== undefined) {
  // Started by a server, to start the next.
  const { runShadowLauncher } = await import('../dist/snapshot/shadow-launcher.js');
  runShadowLauncher([process.execPath, ...process.execArgv, process.argv[1], 'shadow-replica']);
} else if (command === 'shadow-replica' && process.send !== undefined) {
  // Makes a snapshot for a server.
  const { runShadowReplica } = await import('../dist/main.js');
  runShadowReplica();
} else if (['status', 'member', 'failover', 'drain'].includes(command)) {
  const { runOperatorTool } = await import('../dist/cli/operator-tool.js');
  process.exitCode = await runOperatorTool([command, ...args]);
} else if (command === 'import') {
  const { runImportTool } = await import('../dist/cli/import-tool.js');
  process.exitCode = await runImportTool(args);
} else if (command === 'busy-listener') {
  // Started by a server whose only thread a script has, to answer new clients.
  const { runBusyListener } = await import('../dist/server/busy-listener.js');
  runBusyListener(Number(args[0]), args[1] === 'yes', args[2]);
} else if (command === '--version' || command === '-v') {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.stdout.write(`holdfast ${version}\n`);
} else {
  const wanted = command === '--help' || command === '-h';
  const complaint = command === undefined || wanted ? '' : `holdfast: unknown command '${command}'\n`;
  (wanted ? process.stdout : process.stderr).write(complaint + USAGE);
  process.exitCode = wanted ? 0 : 1;
}
