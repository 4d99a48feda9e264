/** LATENCY: samples of what took longer than latency-monitor-threshold, and how long each command takes. */
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { CommandError } from '../../shared/errors.ts';
import type { LatencyEvent } from '../latency-monitor.ts';
import type { Server } from '../server.ts';
import { helpHandler } from './help.ts';

function latest(server: Server, c: Call): void {
  const { events } = server.latency;
  c.reply.array(events.size);
  for (const [name, { samples, maxMs }] of events) {
    const last = samples[samples.length - 1]!;
    c.reply.array(4);
    c.reply.bulkString(name);
    c.reply.integer(last.atSeconds);
    c.reply.integer(last.ms);
    c.reply.integer(maxMs);
  }
}

function history(server: Server, c: Call): void {
  const samples = server.latency.events.get(c.string(2))?.samples ?? [];
  c.reply.array(samples.length);
  for (const { atSeconds, ms } of samples) {
    c.reply.array(2);
    c.reply.integer(atSeconds);
    c.reply.integer(ms);
  }
}

function reset(server: Server, c: Call): void {
  const { events } = server.latency;
  let gone = 0;
  if (c.req.argc === 2) {
    gone = events.size;
    events.clear();
  } else for (let i = 2; i < c.req.argc; i++) if (events.delete(c.string(i))) gone++;
  c.reply.integer(gone);
}

function histogram(server: Server, c: Call): void {
  const { table } = server.engine;
  let rows = table.all;
  if (c.req.argc > 2) {
    rows = [];
    for (let i = 2; i < c.req.argc; i++) {
      const row = table.get(c.string(i).toLowerCase());
      if (row !== undefined) rows.push(row, ...row.subcommands?.values() ?? []);
    }
  }
  const measured = rows.filter((row) => row.latency !== null);
  c.reply.map(measured.length);
  for (const { name, latency } of measured) {
    const steps = latency!.cumulative();
    c.reply.bulkString(name);
    c.reply.map(2);
    c.reply.bulkString('calls');
    c.reply.integer(latency!.calls);
    c.reply.bulkString('histogram_usec');
    c.reply.map(steps.length);
    for (const [microseconds, calls] of steps) {
      c.reply.integer(microseconds);
      c.reply.integer(calls);
    }
  }
}

const GRAPH_ROWS = 4;
const GRAPH_COLUMNS_MAX = 80;

/** Bars of the last samples, and beneath each how long ago it was. */
function graph(name: string, { samples, maxMs }: LatencyEvent, nowSeconds: number): string {
  const shown = samples.slice(-GRAPH_COLUMNS_MAX);
  const high = Math.max(1, ...shown.map(({ ms }) => ms));
  const low = Math.min(...shown.map(({ ms }) => ms));
  const lines = [`${name} - high ${high} ms, low ${low} ms (all time high ${maxMs} ms)`, '-'.repeat(GRAPH_COLUMNS_MAX)];
  for (let row = GRAPH_ROWS; row > 0; row--) {
    lines.push(shown.map(({ ms }) => ((ms / high) * GRAPH_ROWS > row - 1 ? '#' : ' ')).join('').trimEnd());
  }
  const ages = shown.map(({ atSeconds }) => ageText(nowSeconds - atSeconds));
  const longest = Math.max(...ages.map((age) => age.length));
  for (let i = 0; i < longest; i++) lines.push(ages.map((age) => age[i] ?? ' ').join('').trimEnd());
  return `${lines.join('\n')}\n`;
}

function ageText(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86400)}d`;
}

function doctor(server: Server): string {
  const threshold = server.config.number('latency-monitor-threshold');
  if (threshold === 0) return 'Latency monitoring is disabled. Enable it with CONFIG SET latency-monitor-threshold <milliseconds>.\n';
  if (server.latency.events.size === 0) return `No command took longer than ${threshold} ms since latency monitoring began.\n`;
  const lines = [...server.latency.events].map(([name, { samples, maxMs }]) => {
    const mean = samples.reduce((sum, { ms }) => sum + ms, 0) / samples.length;
    return `- ${name}: ${samples.length} samples, mean ${mean.toFixed(1)} ms, worst ${maxMs} ms.`;
  });
  return `What took longer than ${threshold} ms:\n${lines.join('\n')}\nSLOWLOG GET names the commands. Commands over whole collections or the whole keyspace have incremental forms: SCAN, HSCAN, SSCAN, ZSCAN.\n`;
}

const HELP = [
  'LATENCY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'DOCTOR', '    Return a human readable latency analysis report.',
  'GRAPH <event>', '    Return an ASCII latency graph for the <event> class.',
  'HISTORY <event>', '    Return time-latency samples for the <event> class.',
  'LATEST', '    Return the latest latency samples for all events.',
  'RESET [<event> ...]', '    Reset latency data of one or more <event> classes.', '    (default: reset all data for all event classes)',
  'HISTOGRAM [COMMAND ...]', '    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.',
  '    If no commands are specified then all histograms are replied.',
  'HELP', '    Prints this help.',
];

export function latencyCommand(server: Server): Command {
  const group = 'server';
  const flags = 'admin noscript loading stale';
  const since = '2.8.13';
  const readTips = ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'];
  return command({
    name: 'latency', arity: -2, flags: '', group, since,
    subcommands: [
      command({ name: 'latency|latest', arity: 2, flags, group, since, tips: readTips, run: (c) => latest(server, c) }),
      command({ name: 'latency|history', arity: 3, flags, group, since, tips: readTips, run: (c) => history(server, c) }),
      command({ name: 'latency|reset', arity: -2, flags, group, since, tips: ['request_policy:all_nodes', 'response_policy:agg_sum'], run: (c) => reset(server, c) }),
      command({ name: 'latency|histogram', arity: -2, flags, group, since: '7.0.0', tips: readTips, run: (c) => histogram(server, c) }),
      command({ name: 'latency|doctor', arity: 2, flags, group, since, tips: readTips, run: (c) => c.reply.verbatim('txt', doctor(server)) }),
      command({
        name: 'latency|graph', arity: 3, flags, group, since, tips: readTips,
        run: (c) => {
          const event = server.latency.events.get(c.string(2));
          if (event === undefined) throw new CommandError(`ERR No samples available for event '${c.string(2)}'`);
          c.reply.verbatim('txt', graph(c.string(2), event, Math.floor(server.nowMs / 1000)));
        },
      }),
      command({ name: 'latency|help', arity: 2, flags: 'loading stale', group, since, run: helpHandler(HELP) }),
    ],
  });
}
