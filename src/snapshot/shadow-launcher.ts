/**
 * A small process that starts shadow replicas for a server. The system copies a process's page tables when it forks, which stops a
 * server with gigabytes of data for a tenth of a second and more; one that was started while there was little data does not have them.
 *
 * Passes messages on between the server and the shadow. The log's records do not come through here: the shadow inherits the
 * standard input. Neither outlives the server: another may be at its data by then.
 */
import { type ChildProcess, type Serializable, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setPriority } from 'node:os';

/**
 * The shadow gives way to the server and to whatever else wants the processor: with 5 it has a quarter of what they have, with
 * 10 (a tenth) a snapshot did not come about on a machine that is busy all the time.
 */
const NICENESS = 5;
/** Linux may give each session its fair part of the processor, and count niceness only among the processes of one (man 7 sched). */
const SESSION_NICENESS = '/proc/self/autogroup';

/** What the launcher itself says; what shadows say passes through. */
export type FromLauncher =
  | { readonly type: 'not-started'; readonly message: string }
  | { readonly type: 'ended'; readonly how: string };

/** The server's side: one launcher, started when it is first needed. */
export class ShadowLauncher {
  readonly #command: readonly string[];
  #process: ChildProcess | null = null;

  /** @param command program and arguments that end up in `runShadowLauncher` */
  constructor(command: readonly string[]) {
    this.#command = command;
  }

  /** Starts it, if it does not run: to be called while there is little data. */
  prepare(): ChildProcess {
    if (this.#process !== null) return this.#process;
    const [program, ...args] = this.#command;
    // A group of its own, which ends as a whole. Nobody writes to the standard output: it is closed when all who have it are gone.
    const started = spawn(program!, args, { stdio: ['pipe', 'pipe', 'inherit', 'ipc'], detached: true });
    const gone = (): void => {
      if (this.#process === started) this.#process = null;
      killGroup(started);
    };
    started.on('error', gone);
    started.on('exit', gone);
    started.stdout!.resume();
    (started.stdout as Socket).unref();
    // Its end is noticed above.
    started.stdin!.on('error', () => undefined);
    // Alone it is no reason for the server to go on.
    started.unref();
    started.channel?.unref();
    this.#process = started;
    return started;
  }

  /** Ends it and the shadow that runs: what is in its pipes belongs to nobody any more. Resolves when both are gone. */
  async discard(): Promise<void> {
    const process = this.#process;
    this.#process = null;
    if (process?.pid === undefined) return;
    const closed = once(process, 'close');
    killGroup(process);
    await closed;
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}

/** The launcher's side. `command`: program and arguments that end up in `runShadowProcess`. */
export function runShadowLauncher(command: readonly string[]): void {
  try {
    writeFileSync(SESSION_NICENESS, String(NICENESS));
  } catch {
    // The system has no such thing.
  }
  const [program, ...args] = command;
  const tell = (message: Serializable): void => { process.send!(message); };
  let running: ChildProcess | null = null;
  // The server is gone. The shadow may be too busy to notice that this process is.
  process.on('disconnect', () => {
    running?.kill('SIGKILL');
    process.exit(0);
  });
  process.on('message', (task: Serializable) => {
    const shadow = spawn(program!, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
    running = shadow;
    shadow.on('error', ({ message }) => tell({ type: 'not-started', message } satisfies FromLauncher));
    shadow.on('exit', (code, signal) => tell({ type: 'ended', how: signal ?? `exit code ${code}` } satisfies FromLauncher));
    shadow.on('message', tell);
    shadow.on('spawn', () => {
      lowerPriority(shadow);
      shadow.send(task);
    });
  });
}

function lowerPriority(child: ChildProcess): void {
  try {
    setPriority(child.pid!, NICENESS);
  } catch {
    // It may be over already, or the platform has no priorities: nothing depends on it.
  }
}
