/** `holdfast status|member|failover|drain`: the command line over HOLDFAST, which any node answers. */
import { parseArgs } from 'node:util';
import { OperationalError } from '../shared/errors.ts';
import { ServerConnection } from './server-connection.ts';
import { type StatusReply, statusTable } from './status-table.ts';
import { TLS_OPTIONS, TLS_USAGE, tlsOptions } from './tls-options.ts';

export const TOOL_USAGE = `Usage: holdfast status [--check | --json]
       holdfast member add HOST:PEERPORT
       holdfast member remove|promote|demote MEMBER [--force]
       holdfast member replace MEMBER BY [--force]
       holdfast failover [MEMBER]
       holdfast drain [MEMBER] [--off]

MEMBER is an id, the beginning of one, or an address of a member. Any node can be asked:

  -h, --host HOST       default 127.0.0.1
  -p, --port PORT       default 6379
  -a, --pass PASSWORD   default the environment's REDISCLI_AUTH
      --user USER
      --tls             speak TLS
${TLS_USAGE}
      --check           say nothing; exit code 0 if the node serves, or can pass clients on to a primary
      --json            the status as JSON
      --force           even if an availability zone loses its last voter
      --off             the member may lead again
`;

const OPTIONS = {
  host: { type: 'string', short: 'h', default: '127.0.0.1' },
  port: { type: 'string', short: 'p', default: '6379' },
  pass: { type: 'string', short: 'a' },
  user: { type: 'string', default: '' },
  tls: { type: 'boolean', default: false },
  ...TLS_OPTIONS,
  check: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  force: { type: 'boolean', default: false },
  off: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

interface Given {
  readonly words: readonly string[];
  readonly values: ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>['values'];
}

/** Null for what cannot be meant. */
function parse(args: readonly string[]): Given | null {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    const port = Number(values.port);
    return Number.isInteger(port) && port > 0 && port < 65536 ? { words: positionals, values } : null;
  } catch {
    return null;
  }
}

/** The words of HOLDFAST … for what was given; null for what cannot be meant. */
function requestFor({ words, values }: Given): string[] | null {
  const [command, ...rest] = words;
  const force = values.force ? ['FORCE'] : [];
  switch (command) {
    case 'status':
      return rest.length === 0 ? ['STATUS'] : null;
    case 'failover':
      return rest.length <= 1 ? ['FAILOVER', ...rest] : null;
    case 'drain':
      return rest.length <= 1 ? ['DRAIN', ...rest, ...(values.off ? ['OFF'] : [])] : null;
    case 'member': {
      const [operation, ...members] = rest;
      if (operation === 'add') return members.length === 1 ? ['MEMBER', 'ADD', ...members] : null;
      if (operation === 'replace') return members.length === 2 ? ['MEMBER', 'REPLACE', ...members, ...force] : null;
      return ['remove', 'promote', 'demote'].includes(operation ?? '') && members.length === 1 ? ['MEMBER', operation!.toUpperCase(), ...members, ...force] : null;
    }
    default:
      return null;
  }
}

/** Runs the tool; resolves with the exit code: 1 when the server refuses or does not answer, 2 for arguments that make no sense. */
export async function runOperatorTool(args: readonly string[]): Promise<number> {
  const given = parse(args);
  const request = given === null ? null : requestFor(given);
  if (given?.values.help === true) {
    process.stdout.write(TOOL_USAGE);
    return 0;
  }
  if (given === null || request === null) {
    process.stderr.write(TOOL_USAGE);
    return 2;
  }
  const { host, port, user, pass, check, json, tls } = given.values;
  let connection: ServerConnection | null = null;
  try {
    connection = await ServerConnection.open({
      host, port: Number(port), user, password: pass ?? process.env.REDISCLI_AUTH ?? '', tls: tls ? tlsOptions(given.values) : null,
    });
    const reply = await connection.send('HOLDFAST', ...request);
    const serves = request[0] === 'STATUS' && check ? await servesNow(connection, reply as StatusReply) : true;
    if (!check) process.stdout.write(textFor(reply, json));
    return serves ? 0 : 1;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    process.stderr.write(`holdfast: ${error.message}\n`);
    return 1;
  } finally {
    connection?.close();
  }
}

/** Whether clients are well advised to come to the node that was asked. */
async function servesNow(connection: ServerConnection, { leader }: StatusReply): Promise<boolean> {
  const info = String(await connection.send('INFO', 'replication'));
  const role = /^member_role:(\S+)/m.exec(info)?.[1] ?? '';
  return leader !== '' && ['primary', 'replica', 'log-only'].includes(role);
}

function textFor(reply: unknown, json: boolean): string {
  if (typeof reply === 'string') return `${reply}\n`;
  return json ? `${JSON.stringify(reply, null, 2)}\n` : statusTable(reply as StatusReply);
}
