/**
 * Memory in use, as clients are told of it and as maxmemory bounds it: the data, and what the server holds for clients
 * besides. docs/adr/0008-used-memory.md says what counts and why.
 */
import type { Connection } from './connection.ts';
import type { Server } from './server.ts';

/** What an entry of a connection's arguments costs besides its bytes, roughly. */
const ARGUMENT_OVERHEAD_BYTES = 16;

/** All in bytes. */
export interface MemoryUse {
  /** Cells of the arena that are in use: keys, values and the indexes over them. */
  readonly data: number;
  /** Tables outside the arena that are there from the start, however much data there is. */
  readonly startup: number;
  /** Of clients: input not yet run, transactions, replies not yet sent. */
  readonly clients: number;
  /** Texts of EVAL's scripts. */
  readonly scripts: number;
  /** Texts of function libraries. */
  readonly functions: number;
  /** Of these, what is not of the keyspace: clients, scripts, functions. */
  readonly other: number;
  /** All of these. */
  readonly total: number;
}

/** Bytes of the commands that a client has queued since MULTI. */
export function queuedBytes({ session }: Connection): number {
  let bytes = 0;
  for (const { request } of session.queue ?? []) bytes += request.buf.length + request.argc * ARGUMENT_OVERHEAD_BYTES;
  return bytes;
}

/** Bytes that are held for a client. */
export function clientBytes(connection: Connection): number {
  return connection.inputBytes + connection.output.bytes + (connection.session.queue === null ? 0 : queuedBytes(connection));
}

/** Takes time in proportion to the number of connections. */
export function memoryUse(server: Server): MemoryUse {
  const { arena, hazards } = server.engine.keyspace;
  const startup = hazards.tableBytes;
  const data = arena.liveBytes;
  let clients = 0;
  for (const connection of server.connections.values()) clients += clientBytes(connection);
  const scripts = server.scripts.evalScripts.bodyBytes;
  let functions = 0;
  for (const [, source] of server.engine.functions.entries()) functions += source.length;
  const other = clients + scripts + functions;
  return { data, startup, clients, scripts, functions, other, total: data + startup + other };
}
