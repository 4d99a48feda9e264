/** CLIENT and its subcommands. */
import { UNBLOCKED_ERROR } from '../../engine/blocking.ts';
import type { Call } from '../../engine/call.ts';
import { type Command, type CommandOptions, type Handler, command } from '../../engine/command.ts';
import { SYNTAX, TIMEOUT_NEGATIVE, TIMEOUT_OUT_OF_RANGE } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import { checkClientName } from '../client-name.ts';
import type { Connection } from '../connection.ts';
import type { Server } from '../server.ts';
import { KILL_IDS, LIST_IDS, describeClient, matches, parseFilter } from './client-list.ts';
import { clientTrackingCommands } from './client-tracking.ts';
import { connectionOf } from './connection.ts';
import { helpHandler } from './help.ts';

const BAD_TIMEOUT = new CommandError('ERR timeout is not an integer or out of range');
/** Milliseconds since the epoch, of which Redis counts no more. */
const TIME_MS_MAX = 2 ** 63;

function kill(server: Server, c: Call): void {
  const { req } = c;
  const self = connectionOf(server, c);
  const oldForm = req.argc === 3;
  const filter = oldForm ? { ...parseFilter(c, req.argc, KILL_IDS), addr: req.string(2), skipMe: false } : parseFilter(c, 2, KILL_IDS);
  let killed = 0;
  for (const other of [...server.connections.values()]) {
    if (!matches(filter, other, server.nowMs) || ((filter.skipMe ?? true) && other === self)) continue;
    if (other === self) self.closeAfterReplies();
    else other.close();
    killed++;
  }
  if (!oldForm) c.reply.integer(killed);
  else if (killed > 0) c.reply.ok();
  else throw new CommandError('ERR No such client');
}

function list(server: Server, c: Call): void {
  const filter = parseFilter(c, 2, LIST_IDS);
  const wanted = (connection: Connection): boolean => matches(filter, connection, server.nowMs) && !(filter.skipMe === true && connection.id === c.session.id);
  const lines = [...server.connections.values()].filter(wanted).map((connection) => `${describeClient(server, c, connection)}\n`);
  c.reply.verbatim('txt', lines.join(''));
}

function reply(server: Server, c: Call): void {
  const connection = connectionOf(server, c);
  if (c.req.is(2, 'ON')) {
    connection.replyMode = 'on';
    c.reply.ok();
  } else if (c.req.is(2, 'OFF')) connection.replyMode = 'off';
  else if (c.req.is(2, 'SKIP')) {
    if (connection.replyMode !== 'off') connection.replyMode = 'skip';
  } else throw SYNTAX;
}

function setInfo(server: Server, c: Call): void {
  const connection = connectionOf(server, c);
  const [option, value] = [c.string(2), c.string(3)];
  if (c.req.is(2, 'LIB-NAME')) {
    checkClientName(value, option);
    connection.libName = value;
  } else if (c.req.is(2, 'LIB-VER')) {
    checkClientName(value, option);
    connection.libVersion = value;
  } else throw new CommandError(`ERR Unrecognized option '${option}'`);
  c.reply.ok();
}

function unblock(server: Server, c: Call): void {
  const { req } = c;
  let error: string | null = null;
  if (req.argc === 4) {
    if (req.is(3, 'ERROR')) error = UNBLOCKED_ERROR;
    else if (!req.is(3, 'TIMEOUT')) throw new CommandError('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
  } else if (req.argc > 4) throw SYNTAX;
  const session = server.connections.get(c.integer(2))?.session;
  c.reply.integer(session !== undefined && (c.engine.blocking.unblock(session, error) || server.acks.unblock(session, error)) ? 1 : 0);
}

function pause(server: Server, c: Call): void {
  const { req } = c;
  let all = true;
  if (req.argc === 4) {
    if (req.is(3, 'WRITE')) all = false;
    else if (!req.is(3, 'ALL')) throw new CommandError('ERR CLIENT PAUSE mode must be WRITE or ALL');
  } else if (req.argc > 4) throw SYNTAX;
  const ms = c.integer(2, BAD_TIMEOUT);
  if (ms < 0) throw TIMEOUT_NEGATIVE;
  if (ms > TIME_MS_MAX - server.nowMs) throw TIMEOUT_OUT_OF_RANGE;
  server.pause.begin(server.nowMs + ms, all);
  c.reply.ok();
}

function onOff(c: Call): boolean {
  if (c.req.is(2, 'ON')) return true;
  if (c.req.is(2, 'OFF')) return false;
  throw SYNTAX;
}

const HELP = [
  'CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CACHING (YES|NO)', '    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.',
  'GETREDIR', '    Return the client ID we are redirecting to when tracking is enabled.',
  'GETNAME', '    Return the name of the current connection.',
  'ID', '    Return the ID of the current connection.',
  'INFO', '    Return information about the current client connection.',
  'KILL <ip:port>', '    Kill connection made from <ip:port>.',
  'KILL <option> <value> [<option> <value> [...]]', '    Kill connections. Options are:',
  '    * ADDR (<ip:port>|<unixsocket>:0)', '      Kill connections made from the specified address',
  '    * LADDR (<ip:port>|<unixsocket>:0)', '      Kill connections made to specified local address',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)', '      Kill connections by type.',
  '    * USER <username>', '      Kill connections authenticated by <username>.',
  '    * SKIPME (YES|NO)', '      Skip killing current connection (default: yes).',
  '    * ID <client-id> [<client-id> ...]', '      Kill connections by client id.',
  '    * MAXAGE <maxage>', '      Kill connections older than the specified age.',
  'LIST [options ...]', '    Return information about client connections. Options:',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)', '      Return clients of specified type.',
  '    * ID <client-id> [<client-id> ...]', '      Return clients of specified IDs only.',
  '    * USER, ADDR, LADDR, MAXAGE, SKIPME', '      As of KILL; the current connection is shown unless SKIPME is yes.',
  'UNPAUSE', '    Stop the current client pause, resuming traffic.',
  'PAUSE <timeout> [WRITE|ALL]', '    Suspend all, or just write, clients for <timeout> milliseconds.',
  'REPLY (ON|OFF|SKIP)', '    Control the replies sent to the current connection.',
  'SETNAME <name>', '    Assign the name <name> to the current connection.',
  'SETINFO <option> <value>', '    Set client meta attr. Options are:', '    * LIB-NAME: the client lib name.', '    * LIB-VER: the client lib version.',
  'UNBLOCK <clientid> [TIMEOUT|ERROR]', '    Unblock the specified blocked client.',
  'TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]', '         [OPTIN] [OPTOUT] [NOLOOP]', '    Control server assisted client side caching.',
  'TRACKINGINFO', '    Report tracking status for the current connection.',
  'READ-CONSISTENCY [STALE | TOKEN <token> | LINEARIZABLE]', '    Shows or sets how current a replica must be to answer this connection, once it said READONLY.',
  'WRITE-TOKEN', '    Returns a token for READ-CONSISTENCY that stands for everything written so far.',
  'CAPA <option> [options...]', '    The client claims its some capability options. Options are:', '    * REDIRECT', '      The client can handle redirection during primary and replica failover in standalone mode.',
  'NO-EVICT (ON|OFF)', '    Protect current client connection from eviction.',
  'NO-TOUCH (ON|OFF)', '    Will not touch LRU/LFU stats when this mode is on.',
  'HELP', '    Prints this help.',
];

function readConsistency(server: Server, c: Call): void {
  const { reads } = connectionOf(server, c);
  const { req } = c;
  if (req.argc === 2) {
    c.reply.bulkString(reads.mode === 'token' ? `token ${reads.token}` : reads.mode);
    return;
  }
  if (req.argc === 3 && req.is(2, 'STALE')) reads.mode = 'stale';
  else if (req.argc === 3 && req.is(2, 'LINEARIZABLE')) reads.mode = 'linearizable';
  else if (req.argc === 4 && req.is(2, 'TOKEN')) {
    const token = c.integer(3);
    if (token < 0) throw new CommandError('ERR a token is what CLIENT WRITE-TOKEN returned');
    // Of several writers' tokens the newest stands for all.
    reads.token = reads.mode === 'token' ? Math.max(reads.token, token) : token;
    reads.mode = 'token';
  } else throw SYNTAX;
  c.reply.ok();
}

/** The index of the last log record so far: everything written before, by whomever, is in the log through there. */
function writeToken(server: Server, c: Call): void {
  if (!c.canBlock) throw new CommandError('ERR CLIENT WRITE-TOKEN is not allowed in transactions');
  c.suspend();
  server.acks.wait(c.session, 0, Infinity, (reply, _replicas, index) => reply.integer(index));
}

const ALL_NODES = ['request_policy:all_nodes', 'response_policy:all_succeeded'];

export function clientCommand(server: Server): Command {
  const sub = (name: string, arity: number, since: string, run: Handler, flags = 'noscript loading stale', more: Partial<CommandOptions> = {}): Command =>
    command({ name: `client|${name}`, arity, flags, group: 'connection', since, run, ...more });
  const admin = 'admin noscript loading stale';
  return command({
    name: 'client', arity: -2, flags: '', group: 'connection', since: '2.4.0',
    subcommands: [
      sub('getname', 2, '2.6.9', (c) => {
        const { name } = connectionOf(server, c);
        if (name === '') c.reply.null();
        else c.reply.bulkString(name);
      }),
      sub('setname', 3, '2.6.9', (c) => {
        checkClientName(c.string(2), 'Client names');
        connectionOf(server, c).name = c.string(2);
        c.reply.ok();
      }, undefined, { tips: ALL_NODES }),
      sub('id', 2, '5.0.0', (c) => c.reply.integer(c.session.id)),
      ...clientTrackingCommands(server),
      sub('info', 2, '6.2.0', (c) => c.reply.verbatim('txt', `${describeClient(server, c, connectionOf(server, c))}\n`), undefined, { tips: ['nondeterministic_output'] }),
      sub('list', -2, '2.4.0', (c) => list(server, c), admin, { tips: ['nondeterministic_output'] }),
      sub('kill', -3, '2.4.0', (c) => kill(server, c), admin),
      sub('reply', 3, '3.2.0', (c) => reply(server, c)),
      sub('setinfo', 4, '7.2.0', (c) => setInfo(server, c), undefined, { tips: ALL_NODES }),
      sub('unblock', -3, '5.0.0', (c) => unblock(server, c), admin),
      sub('pause', -3, '2.9.50', (c) => pause(server, c), admin),
      sub('unpause', 2, '6.2.0', (c) => {
        server.pause.end();
        c.reply.ok();
      }, admin),
      sub('no-evict', 3, '7.0.0', (c) => {
        connectionOf(server, c).noEvict = onOff(c);
        c.reply.ok();
      }, admin),
      sub('no-touch', 3, '7.2.0', (c) => {
        c.session.noTouch = onOff(c);
        c.reply.ok();
      }),
      sub('read-consistency', -2, '7.2.0', (c) => readConsistency(server, c)),
      sub('write-token', 2, '7.2.0', (c) => writeToken(server, c)),
      sub('capa', -3, '8.0.0', (c) => {
        // What is not known is passed over, as in Valkey: clients tell all that they can do.
        for (let i = 2; i < c.req.argc; i++) if (c.req.is(i, 'REDIRECT')) connectionOf(server, c).redirects = true;
        c.reply.ok();
      }),
      sub('help', 2, '5.0.0', helpHandler(HELP), 'loading stale'),
    ],
  });
}
