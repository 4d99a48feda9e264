/**
 * The server's side of the process that takes new connections while a script runs (busy-listener.ts). Everything here is
 * synchronous: the event loop stands still meanwhile.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readSync, writeSync } from 'node:fs';
import type net from 'node:net';
import type { HandedOver } from './busy-listener.ts';

interface HandleOwner {
  readonly _handle: { readonly fd?: number } | null;
}

const descriptorOf = (owner: unknown): number => (owner as HandleOwner)._handle?.fd ?? -1;

/** How long the process may take to hand its clients over before it is killed. */
const END_MS = 10_000;

export class BusyListenerProcess {
  readonly #child: ChildProcess;
  readonly #in: number;
  readonly #out: number;
  readonly #scratch = Buffer.alloc(4096);
  #text = '';

  /**
   * @param command the program, with what it is told before the arguments of the listener
   * @param adopt takes a client that was not served yet, with what was read of its next command
   */
  constructor(command: readonly string[], descriptors: readonly number[], mayKill: boolean, busy: string, adopt: (socket: net.Socket, unread: Uint8Array) => void) {
    const [program, ...args] = command;
    this.#child = spawn(program!, [...args, String(descriptors.length), mayKill ? 'yes' : 'no', busy], { stdio: ['pipe', 'pipe', 'ignore', ...descriptors, 'ipc'] });
    this.#child.on('message', (handed, socket) => {
      // Whoever went away meanwhile comes without a socket.
      if (socket !== undefined && socket !== null) adopt(socket as net.Socket, Buffer.from((handed as HandedOver).unread, 'latin1'));
    });
    // It may not start, and it is told to end: neither is news.
    this.#child.on('error', () => undefined);
    this.#child.stdin?.on('error', () => undefined);
    this.#in = descriptorOf(this.#child.stdin);
    this.#out = descriptorOf(this.#child.stdout);
  }

  /** Answers what new clients have asked for: `kill` gives the reply line. */
  poll(kill: (isFunction: boolean) => string): void {
    if (this.#out < 0) return;
    try {
      this.#text += this.#scratch.toString('latin1', 0, readSync(this.#out, this.#scratch));
    } catch {
      // Nothing has come.
      return;
    }
    const lines = this.#text.split('\n');
    this.#text = lines.pop()!;
    for (const line of lines) {
      const [number, kind] = line.split(' ');
      writeSync(this.#in, `${number} ${kill(kind === 'function')}\n`);
    }
  }

  /** The process ends by itself once it has handed over its clients. */
  end(): void {
    this.#child.stdin?.end();
    this.#child.stdout?.resume();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MS);
    timer.unref();
    this.#child.once('exit', () => clearTimeout(timer));
  }
}
