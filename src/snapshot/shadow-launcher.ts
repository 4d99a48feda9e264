/**
 * A small process that starts shadow replicas for a server. The system copies a process's page tables when it forks, which stops a
 * server with gigabytes of data for a tenth of a second and more; one that was started while there was little data does not have them.
 *
 * Passes messages on between the server and the shadow. The log's records do not come through here: the shadow inherits the
 * standard input.
 */
import { type ChildProcess, type Serializable, spawn } from 'node:child_process';
import { setPriority } from 'node:os';

/** The shadow gives way to the primary where both want the processor. */
const NICENESS = 10;

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
    const started = spawn(program!, args, { stdio: ['pipe', 'ignore', 'inherit', 'ipc'] });
    const gone = (): void => {
      if (this.#process === started) this.#process = null;
    };
    started.on('error', gone);
    started.on('exit', gone);
    // Its end is noticed above.
    started.stdin!.on('error', () => undefined);
    // Alone it is no reason for the server to go on.
    started.unref();
    started.channel?.unref();
    this.#process = started;
    return started;
  }

  /** Ends it and the shadow that runs: what is in its pipes belongs to nobody any more. */
  discard(): void {
    this.#process?.kill('SIGKILL');
    this.#process = null;
  }
}

/** The launcher's side. `command`: program and arguments that end up in `runShadowProcess`. */
export function runShadowLauncher(command: readonly string[]): void {
  const [program, ...args] = command;
  const tell = (message: Serializable): void => { process.send!(message); };
  // The server is gone; the shadow notices by itself that this process is.
  process.on('disconnect', () => process.exit(0));
  process.on('message', (task: Serializable) => {
    const shadow = spawn(program!, args, { stdio: ['inherit', 'ignore', 'inherit', 'ipc'] });
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
