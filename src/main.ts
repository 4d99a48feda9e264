/** The entry of a server process: configuration, signals, and the last word when something breaks. */
import { RespWriter } from './protocol/resp-writer.ts';
import { ConfigError, readArguments } from './server/config/config-file.ts';
import { Config } from './server/config/config.ts';
import { Logger, type LogLevel } from './server/logger.ts';
import type { Server } from './server/server.ts';
import { startServer } from './server/start-server.ts';
import { runShadowProcess } from './snapshot/shadow-process.ts';
import { OperationalError } from './shared/errors.ts';
import { PROGRAM_VERSION } from './server/version.ts';

/** Runs a server with redis-server's arguments until it is told to end. */
export async function runServer(args: readonly string[]): Promise<void> {
  let config: Config;
  try {
    const { directives, file } = readArguments(args);
    config = Config.from(directives, file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
  const log = new Logger(config.string('loglevel') as LogLevel, config.string('logfile'));
  try {
    log.notice(`Holdfast ${PROGRAM_VERSION} is starting, PID: ${process.pid}`);
  } catch (error) {
    process.stderr.write(`Can't open the log file: ${(error as Error).message}\n`);
    process.exit(1);
  }
  for (const notice of config.notices) log.notice(notice);
  process.on('uncaughtException', (error) => {
    log.warning(`=== HOLDFAST BUG REPORT: the process ends, nothing acknowledged is lost ===\n${error.stack ?? String(error)}`);
    process.exit(1);
  });
  let server: Server;
  try {
    server = await startServer(config, log);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    log.warning(error.code === 'LISTEN_FAILED' ? `Failed listening on port ${config.string('port')}: ${error.message}, aborting.` : `${error.code}: ${error.message}`);
    process.exit(1);
  }
  if (process.env.HOLDFAST_EXIT_WITH_PARENT === '1') endWithParent(log);
  let stopping = false;
  const stop = (why: string): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log.warning(`${why}, scheduling shutdown...`);
    void handOver(server, log).then(() => server.stop()).then(() => {
      log.warning('Holdfast is now ready to exit, bye bye...');
      process.exit(0);
    });
  };
  server.onShutdown = () => stop('User requested shutdown');
  process.on('SIGTERM', () => stop('Received SIGTERM'));
  process.on('SIGINT', () => stop('Received SIGINT'));
}

/** A primary that is told to end lets another member lead first, so that no client has to wait for an election. */
async function handOver(server: Server, log: Logger): Promise<void> {
  if (server.handover.candidates.length === 0 || !server.txlog.isLeader) return;
  try {
    await server.handover.run({ timeoutMs: server.config.number('shutdown-timeout') * 1000, force: false });
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    log.warning(`Leadership could not be handed over: ${error.message}`);
  }
}

/** Runs the process that makes one snapshot for the server that started it. */
export function runShadowReplica(): void {
  runShadowProcess(new RespWriter());
}

const PARENT_CHECK_MS = 100;

/** `npm start` that is killed must not leave a server behind that holds the port and the log. */
function endWithParent(log: Logger): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid === parent) return;
    log.warning('The process that started this server is gone: exiting');
    process.exit(1);
  }, PARENT_CHECK_MS).unref();
}
