/** ROLE, REPLICAOF, FAILOVER, WAIT, WAITAOF, READONLY, READWRITE: what clients ask about the members of the shard, and of them. */
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { SYNTAX, TIMEOUT_NEGATIVE } from '../../engine/error-texts.ts';
import type { ImportState } from '../../engine/import-state.ts';
import { formatAddress } from '../../replication/member-label.ts';
import { CommandError, OperationalError } from '../../shared/errors.ts';
import type { Server } from '../server.ts';
import { connectionOf } from './connection.ts';

/** How a member that is not reachable is shown: as Redis shows it. */
function role(server: Server, c: Call): void {
  const { reply } = c;
  const { node, member, txlog, engine } = server;
  if (engine.importing !== null && member.role === 'primary') {
    roleOfImport(server, engine.importing, c);
    return;
  }
  if (node === null || txlog.isLeader) {
    const others = node?.membership.members.filter(({ id }) => id !== node.memberId) ?? [];
    reply.array(3);
    reply.bulkString('master');
    reply.integer(txlog.commitIndex);
    reply.array(others.length);
    for (const { id, client } of others) {
      reply.array(3);
      reply.bulkString(client.host);
      reply.bulkString(String(client.port));
      reply.bulkString(String(node!.membership.progressOf(id)?.match ?? 0));
    }
    return;
  }
  const { leader } = node.membership;
  reply.array(5);
  reply.bulkString('slave');
  reply.bulkString(leader?.client.host ?? '');
  reply.integer(leader?.client.port ?? 0);
  reply.bulkString(leader === undefined ? 'connect' : member.role === 'replica' ? 'connected' : 'sync');
  reply.integer(member.appliedIndex);
}

const LINK_STATES = { connect: 'connect', handshake: 'connecting', sync: 'sync', up: 'connected' } as const;

function roleOfImport(server: Server, { host, port, offset }: ImportState, { reply }: Call): void {
  reply.array(5);
  reply.bulkString('slave');
  reply.bulkString(host);
  reply.integer(port);
  reply.bulkString(LINK_STATES[server.importer.progress.link]);
  reply.integer(offset);
}

// ---- REPLICAOF ----

const BAD_PORT = new CommandError('ERR Invalid master port');

/** The data of another server is followed, as if this shard were its replica, until REPLICAOF NO ONE. */
function replicaOf(server: Server, c: Call): void {
  const { req, reply, engine } = c;
  const { importing } = engine;
  if (server.keyspaceIsReplica) throw new CommandError('ERR REPLICAOF is for the primary of this shard');
  if (server.handover.state !== 'no-failover') throw new CommandError('ERR REPLICAOF not allowed while failing over.');
  if (req.is(1, 'NO') && req.is(2, 'ONE')) {
    if (importing !== null) {
      server.importer.end();
      server.log.notice('MASTER MODE enabled: the import has ended');
    }
    reply.ok();
    return;
  }
  const port = c.integer(2, BAD_PORT);
  if (port < 0 || port > 65535) throw BAD_PORT;
  const host = c.string(1);
  if (importing?.host === host && importing.port === port) {
    reply.status('OK Already connected to specified master');
    return;
  }
  server.importer.begin({ host, port });
  reply.ok();
}

// ---- FAILOVER ----

function failover(server: Server, c: Call): void {
  const { req, reply } = c;
  const { node, handover } = server;
  if (req.argc === 2 && req.is(1, 'ABORT')) {
    if (!handover.abort()) throw new CommandError('ERR No failover in progress.');
    reply.ok();
    return;
  }
  let address = '';
  let timeoutMs = Infinity;
  let force = false;
  for (let i = 1; i < req.argc; i++) {
    if (req.is(i, 'TIMEOUT') && i + 1 < req.argc && timeoutMs === Infinity) {
      timeoutMs = c.integer(++i);
      if (timeoutMs <= 0) throw new CommandError('ERR FAILOVER timeout must be greater than 0');
    } else if (req.is(i, 'TO') && i + 2 < req.argc && address === '') {
      address = formatAddress({ host: req.string(i + 1), port: c.integer(i + 2) });
      i += 2;
    } else if (req.is(i, 'FORCE') && !force) force = true;
    else throw SYNTAX;
  }
  if (handover.state !== 'no-failover') throw new CommandError('ERR FAILOVER already in progress.');
  if (node === null || !server.txlog.isLeader) throw new CommandError('ERR FAILOVER is not valid when server is a replica.');
  if (force && (timeoutMs === Infinity || address === '')) throw new CommandError('ERR FAILOVER with force option requires both a timeout and target HOST and IP.');
  if (handover.candidates.length === 0) throw new CommandError('ERR FAILOVER requires connected replicas.');
  const target = address === '' ? undefined : node.membership.members.find(({ client }) => formatAddress(client) === address);
  if (address !== '' && target === undefined) throw new CommandError('ERR FAILOVER target HOST and PORT is not a replica.');
  handover.run({ member: target, timeoutMs, force }).catch((error: unknown) => {
    if (!(error instanceof OperationalError)) throw error;
    server.log.warning(`FAILOVER came to nothing: ${error.message}`);
  });
  reply.ok();
}

// ---- WAIT ----

function timeoutArg(server: Server, c: Call, i: number): number {
  const ms = c.integer(i, new CommandError('ERR timeout is not an integer or out of range'));
  if (ms < 0) throw TIMEOUT_NEGATIVE;
  return ms === 0 ? Infinity : server.nowMs + ms;
}

/** Replies that go out behind everything that was written so far, that of other clients too. */
function behindAllWrites(c: Call): void {
  for (const db of c.engine.keyspace.databases) c.engine.keyspace.hazards.checkDb(db.number);
}

function wait(server: Server, c: Call): void {
  if (server.keyspaceIsReplica) throw new CommandError('ERR WAIT cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.');
  const replicas = c.integer(1);
  const deadlineMs = timeoutArg(server, c, 2);
  const { acks, member } = server;
  const have = acks.count(member.appliedIndex);
  if (!c.canBlock || (replicas <= have && c.engine.effectBytes === 0)) {
    behindAllWrites(c);
    c.reply.integer(have);
    return;
  }
  c.suspend();
  acks.wait(c.session, replicas, deadlineMs, (reply, count) => reply.integer(count));
}

function waitaof(server: Server, c: Call): void {
  const local = c.integer(1);
  const replicas = c.integer(2);
  const deadlineMs = timeoutArg(server, c, 3);
  if (local < 0 || local > 1) throw new CommandError('ERR value is out of range, value must between 0 and 1');
  if (replicas < 0) throw new CommandError('ERR value is out of range, must be positive');
  if (server.keyspaceIsReplica) throw new CommandError('ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.');
  const countsDisk = server.config.bool('appendonly');
  if (local > 0 && !countsDisk) throw new CommandError('ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.');
  const { acks, member } = server;
  const have = acks.count(member.appliedIndex);
  const write = (reply: typeof c.reply, count: number): void => {
    reply.array(2);
    // A write's reply waits for the disk of a majority, this member's counted when it has it: the log is fsynced before it is told.
    // Who says `appendonly no` asks for nothing of this disk, and is told nothing of it.
    reply.integer(countsDisk ? 1 : 0);
    reply.integer(count);
  };
  if (!c.canBlock || (replicas <= have && c.engine.effectBytes === 0)) {
    behindAllWrites(c);
    write(c.reply, have);
    return;
  }
  c.suspend();
  acks.wait(c.session, replicas, deadlineMs, write);
}

// ---- Reads of a replica ----

function readMode(server: Server, c: Call, readOnly: boolean): void {
  if (server.node !== null && server.node.network === null) throw new CommandError('ERR This instance has cluster support disabled');
  connectionOf(server, c).readOnly = readOnly;
  c.reply.ok();
}

export function replicationCommands(server: Server): readonly Command[] {
  return [
    command({
      name: 'role', arity: 1, flags: 'noscript loading stale fast', group: 'server', since: '2.8.12', categories: 'admin dangerous', run: (c) => role(server, c),
    }),
    ...['replicaof', 'slaveof'].map((name) => command({
      name, arity: 3, flags: 'no_async_loading admin noscript stale', group: 'server', since: name === 'slaveof' ? '1.0.0' : '5.0.0', run: (c) => replicaOf(server, c),
    })),
    command({ name: 'failover', arity: -1, flags: 'admin noscript stale', group: 'server', since: '6.2.0', run: (c) => failover(server, c) }),
    command({
      name: 'wait', arity: 3, flags: 'blocking', group: 'generic', since: '3.0.0', categories: 'connection',
      tips: ['request_policy:all_shards', 'response_policy:agg_min'], run: (c) => wait(server, c),
    }),
    command({
      name: 'waitaof', arity: 4, flags: 'blocking', group: 'generic', since: '7.2.0', categories: 'connection',
      tips: ['request_policy:all_shards', 'response_policy:agg_min'], run: (c) => waitaof(server, c),
    }),
    command({ name: 'readonly', arity: 1, flags: 'loading stale fast', group: 'cluster', since: '3.0.0', categories: 'connection', run: (c) => readMode(server, c, true) }),
    command({ name: 'readwrite', arity: 1, flags: 'loading stale fast', group: 'cluster', since: '3.0.0', categories: 'connection', run: (c) => readMode(server, c, false) }),
  ];
}
