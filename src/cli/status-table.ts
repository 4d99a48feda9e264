/** HOLDFAST STATUS as a table for people. */

/** A member in the reply, field by field. */
export interface MemberRow {
  readonly id: string;
  readonly role: string;
  readonly client: string;
  readonly peer: string;
  readonly zone: string;
  readonly state: string;
  readonly drained: 'yes' | 'no';
  readonly 'log-index': number;
  readonly lag: number;
}

/** The reply. */
export interface StatusReply {
  readonly shard: string;
  readonly term: number;
  readonly leader: string;
  readonly members: readonly MemberRow[];
  readonly warnings: readonly string[];
}

const HEAD = ['MEMBER', 'ROLE', 'STATE', 'CLIENTS', 'PEERS', 'ZONE', 'LOG INDEX', 'LAG'];

export function statusTable({ shard, term, leader, members, warnings }: StatusReply): string {
  const rows = members.map(({ id, role, state, drained, client, peer, zone, 'log-index': index, lag }) => [
    id.slice(0, 8), role, drained === 'yes' ? `${state} (drained)` : state, client, peer, zone === '' ? '-' : zone,
    index < 0 ? '-' : String(index), lag < 0 ? '-' : String(lag),
  ]);
  const widths = HEAD.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const lines = [HEAD, ...rows].map((row) => row.map((word, i) => word.padEnd(widths[i]!)).join('  ').trimEnd());
  const title = `Shard ${shard.slice(0, 8)}, term ${term}, leader ${leader === '' ? 'unknown' : leader.slice(0, 8)}`;
  return `${[title, ...lines, ...warnings.map((warning) => `WARNING: ${warning}`)].join('\n')}\n`;
}
