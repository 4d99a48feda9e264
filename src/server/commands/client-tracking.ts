/** CLIENT TRACKING, CACHING, TRACKINGINFO, GETREDIR. */
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { SYNTAX } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import type { Server } from '../server.ts';
import type { ClientTracking } from '../tracking/client-tracking.ts';
import { connectionOf } from './connection.ts';

const ONE_REDIRECTION = new CommandError('ERR A client can only redirect to a single other client');
const NO_SUCH_CLIENT = new CommandError('ERR The client ID you want redirect to does not exist');
const PREFIX_WITHOUT_BCAST = new CommandError('ERR PREFIX option requires BCAST mode to be enabled');
const SWITCHED_BCAST = new CommandError("ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.");
const OPT_WITH_BCAST = new CommandError('ERR OPTIN and OPTOUT are not compatible with BCAST');
const BOTH_OPTS = new CommandError("ERR You can't specify both OPTIN mode and OPTOUT mode");
const SWITCHED_OPT = new CommandError("ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.");
const CACHING_WITHOUT_OPT = new CommandError('ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled');
const YES_WITHOUT_OPTIN = new CommandError('ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.');
const NO_WITHOUT_OPTOUT = new CommandError('ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.');

interface Options {
  broadcast: boolean;
  optIn: boolean;
  optOut: boolean;
  noLoop: boolean;
  redirect: number;
  prefixes: string[];
}

function parseOptions(server: Server, c: Call): Options {
  const { req } = c;
  const options: Options = { broadcast: false, optIn: false, optOut: false, noLoop: false, redirect: 0, prefixes: [] };
  for (let i = 3; i < req.argc; i++) {
    const hasValue = i + 1 < req.argc;
    if (req.is(i, 'REDIRECT') && hasValue) {
      if (options.redirect !== 0) throw ONE_REDIRECTION;
      options.redirect = c.integer(++i);
      if (!server.connections.has(options.redirect)) throw NO_SUCH_CLIENT;
    } else if (req.is(i, 'BCAST')) options.broadcast = true;
    else if (req.is(i, 'OPTIN')) options.optIn = true;
    else if (req.is(i, 'OPTOUT')) options.optOut = true;
    else if (req.is(i, 'NOLOOP')) options.noLoop = true;
    else if (req.is(i, 'PREFIX') && hasValue) options.prefixes.push(c.string(++i));
    else throw SYNTAX;
  }
  return options;
}

const overlap = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);

function checkPrefixes(prefixes: readonly string[], existing: ReadonlySet<string>): void {
  for (const [i, prefix] of prefixes.entries()) {
    const tail = 'Prefixes for a single client must not overlap.';
    for (const other of [...existing].sort()) {
      if (overlap(prefix, other)) throw new CommandError(`ERR Prefix '${prefix}' overlaps with an existing prefix '${other}'. ${tail}`);
    }
    for (const other of prefixes.slice(i + 1)) {
      if (overlap(prefix, other)) throw new CommandError(`ERR Prefix '${prefix}' overlaps with another provided prefix '${other}'. ${tail}`);
    }
  }
}

/** In the order in which Redis complains. */
function check(options: Options, state: ClientTracking | null): void {
  if (!options.broadcast && options.prefixes.length > 0) throw PREFIX_WITHOUT_BCAST;
  if (state !== null && state.broadcast !== options.broadcast) throw SWITCHED_BCAST;
  if (options.broadcast && (options.optIn || options.optOut)) throw OPT_WITH_BCAST;
  if (options.optIn && options.optOut) throw BOTH_OPTS;
  if (state !== null && ((options.optIn && state.optOut) || (options.optOut && state.optIn))) throw SWITCHED_OPT;
  if (options.broadcast) checkPrefixes(options.prefixes, state?.prefixes ?? new Set());
}

function tracking(server: Server, c: Call): void {
  const connection = connectionOf(server, c);
  const options = parseOptions(server, c);
  if (c.req.is(2, 'ON')) {
    check(options, connection.tracking);
    // Without prefixes all keys are meant.
    if (options.broadcast && options.prefixes.length === 0) options.prefixes.push('');
    server.tracking.enable(connection, options);
  } else if (c.req.is(2, 'OFF')) server.tracking.disable(connection);
  else throw SYNTAX;
  c.reply.ok();
}

function caching(server: Server, c: Call): void {
  const state = connectionOf(server, c).tracking;
  if (state === null) throw CACHING_WITHOUT_OPT;
  if (c.req.is(2, 'YES')) {
    if (!state.optIn) throw YES_WITHOUT_OPTIN;
  } else if (c.req.is(2, 'NO')) {
    if (!state.optOut) throw NO_WITHOUT_OPTOUT;
  } else throw SYNTAX;
  state.caching = true;
  c.reply.ok();
}

function flagsOf(state: ClientTracking | null): string[] {
  if (state === null) return ['off'];
  const flags = ['on'];
  if (state.broadcast) flags.push('bcast');
  if (state.optIn) flags.push('optin');
  if (state.optIn && state.caching) flags.push('caching-yes');
  if (state.optOut) flags.push('optout');
  if (state.optOut && state.caching) flags.push('caching-no');
  if (state.noLoop) flags.push('noloop');
  if (state.redirectBroken) flags.push('broken_redirect');
  return flags;
}

function trackingInfo(server: Server, c: Call): void {
  const { reply } = c;
  const state = connectionOf(server, c).tracking;
  const flags = flagsOf(state);
  const prefixes = [...(state?.prefixes ?? [])].sort();
  reply.map(3);
  reply.bulkString('flags');
  reply.set(flags.length);
  for (const flag of flags) reply.bulkString(flag);
  reply.bulkString('redirect');
  reply.integer(state?.redirect ?? -1);
  reply.bulkString('prefixes');
  reply.array(prefixes.length);
  for (const prefix of prefixes) reply.bulkString(prefix);
}

export function clientTrackingCommands(server: Server): readonly Command[] {
  const row = (name: string, arity: number, since: string, run: (c: Call) => void): Command => (
    command({ name: `client|${name}`, arity, flags: 'noscript loading stale', group: 'connection', since, run })
  );
  return [
    row('tracking', -3, '6.0.0', (c) => tracking(server, c)),
    row('caching', 3, '6.0.0', (c) => caching(server, c)),
    row('trackinginfo', 2, '6.2.0', (c) => trackingInfo(server, c)),
    row('getredir', 2, '6.0.0', (c) => c.reply.integer(connectionOf(server, c).tracking?.redirect ?? -1)),
  ];
}
