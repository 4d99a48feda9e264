/**
 * A process of its own that takes new connections while a script has the server's only thread. It inherits the listening
 * descriptors, answers BUSY to everything, and passes SCRIPT KILL and FUNCTION KILL on to the server, which asks for them from the
 * script's ticks. It ends with the script: whom it has taken it hands to the server, with what they sent of a command so far.
 *
 * To the server goes a line for each request, "<number> <kind>"; back comes "<number> <reply line>". Clients go over the channel that
 * Node has for its child processes.
 */
import { createInterface } from 'node:readline';
import type net from 'node:net';
import { ParseStatus, PendingInput, RequestParser } from '../protocol/request-parser.ts';
import { Request } from '../shared/request.ts';
import { type AcceptedSocket, Listener, READ_BUFFER_BYTES } from './listener.ts';

/** The first inherited descriptor. */
export const FIRST_LISTENING_FD = 3;
/** A client's unfinished command may have so many bytes: the server takes them as one read. */
const INPUT_BYTES_MAX = READ_BUFFER_BYTES;

/** What a client that is handed over has sent of its next command, in latin1. */
export interface HandedOver {
  readonly unread: string;
}

/**
 * Runs until the server ends it.
 * @param listeners how many listening descriptors there are
 * @param mayKill whether who connects may end scripts: not where they must authenticate first
 * @param busy the error reply
 */
export function runBusyListener(listeners: number, mayKill: boolean, busy: string): void {
  const waiting = new Map<number, (reply: string) => void>();
  /** What hands each client to the server, behind the replies that it is owed. */
  const clients = new Set<() => Promise<void>>();
  const end = (): void => {
    listener.close();
    // Paused sockets and messages that wait for an earlier one's receipt keep no process alive.
    process.channel?.ref();
    for (const answer of waiting.values()) answer('-NOTBUSY No scripts in execution right now.');
    void Promise.all([...clients].map((handOver) => handOver())).then(() => process.exit(0));
  };
  let nextNumber = 1;
  createInterface({ input: process.stdin }).on('line', (line) => {
    const space = line.indexOf(' ');
    const number = Number(line.slice(0, space));
    waiting.get(number)?.(line.slice(space + 1));
    waiting.delete(number);
  }).on('close', end);

  const ask = (kind: 'script' | 'function', answer: (reply: string) => void): void => {
    waiting.set(nextNumber, answer);
    process.stdout.write(`${nextNumber++} ${kind}\n`);
  };

  const accept = (socket: net.Socket): AcceptedSocket => {
    const parser = new RequestParser({ bulkBytesMax: INPUT_BYTES_MAX });
    const pending = new PendingInput();
    const request = new Request();
    // Replies keep the order of their commands.
    let last = Promise.resolve();
    const reply = (text: Promise<string> | string): void => {
      last = last.then(async () => {
        const line = `${await text}\r\n`;
        await new Promise<void>((resolve) => { socket.write(line, () => resolve()); });
      });
    };
    const handOver = async (): Promise<void> => {
      // Nothing is read from here on: what comes is for the server.
      socket.pause();
      await last;
      if (socket.destroyed) return;
      const unread = Buffer.from(pending.buf.subarray(pending.start, pending.end)).toString('latin1');
      await new Promise<void>((resolve) => { process.send!({ unread } satisfies HandedOver, socket, {}, () => resolve()); });
    };
    clients.add(handOver);
    socket.on('error', () => socket.destroy()).on('close', () => clients.delete(handOver));
    const read = (bytes: Uint8Array, length: number): boolean => {
      pending.append(bytes, 0, length);
      for (;;) {
        const status = parser.parse(pending.buf, pending.start, pending.end, request);
        if (status === ParseStatus.incomplete) break;
        if (status === ParseStatus.error) {
          socket.end(`-${parser.error}\r\n`);
          return false;
        }
        const kind = status === ParseStatus.command ? killKind(request) : null;
        if (kind !== null && mayKill) reply(new Promise((resolve) => { ask(kind, resolve); }));
        else if (status === ParseStatus.command) reply(kind === null ? `-${busy}` : '-NOAUTH Authentication required.');
        pending.consume(parser.next - pending.start);
      }
      if (pending.length > INPUT_BYTES_MAX) socket.destroy();
      return true;
    };
    return { read };
  };
  const listener = new Listener(accept);
  for (let i = 0; i < listeners; i++) void listener.listen({ fd: FIRST_LISTENING_FD + i });
}

function killKind(request: Request): 'script' | 'function' | null {
  if (request.argc !== 2 || !request.is(1, 'KILL')) return null;
  return request.is(0, 'SCRIPT') ? 'script' : request.is(0, 'FUNCTION') ? 'function' : null;
}
