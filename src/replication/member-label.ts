/** What members say of themselves in the shard's configuration: where they are reached, and in which availability zone they are. */
import type { PeerAddress } from './peers/peer-network.ts';
import type { ConfigAt, MemberConfig, MemberRole } from '../txlog/raft/types.ts';

export interface MemberLabel {
  /** Where members reach it. */
  readonly peer: PeerAddress;
  /** Where clients reach it. */
  readonly client: PeerAddress;
  /** '' if it was not told. */
  readonly zone: string;
}

export interface MemberInfo extends MemberLabel {
  readonly id: string;
  readonly role: MemberRole;
}

/** As the configuration carries it: short, for labels are limited. */
export function formatLabel({ peer, client, zone }: MemberLabel): string {
  return JSON.stringify([formatAddress(peer), formatAddress(client), zone]);
}

/** Null for a label that is not one of ours. */
export function parseLabel(text: string | undefined): MemberLabel | null {
  try {
    const found: unknown = JSON.parse(text ?? '');
    if (!Array.isArray(found) || found.length < 3) return null;
    const [peer, client] = [parseAddress(String(found[0])), parseAddress(String(found[1]))];
    return peer === null || client === null ? null : { peer, client, zone: String(found[2]) };
  } catch {
    return null;
  }
}

export function formatAddress({ host, port }: PeerAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** "host:port" or "[ipv6]:port"; null if it is neither. */
export function parseAddress(text: string): PeerAddress | null {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  return match === null || port < 1 || port > 65535 ? null : { host: (match[1] ?? match[2])!, port };
}

/** The members of a configuration as it will be once a change under way is complete, sorted by id. */
export function membersOf({ config }: ConfigAt): MemberInfo[] {
  const roles = new Map<string, MemberRole>();
  for (const id of config.voters) roles.set(id, config.logOnly.includes(id) ? 'log-only' : 'voter');
  for (const id of [...config.learners, ...config.learnersNext]) roles.set(id, 'learner');
  return [...roles.keys()].sort().map((id) => ({ id, role: roles.get(id)!, ...labelIn(config, id) }));
}

/** Everybody with whom messages are exchanged: those on their way out too. */
export function addressesOf({ config }: ConfigAt, self: string): Map<string, PeerAddress> {
  const addresses = new Map<string, PeerAddress>();
  for (const id of new Set([...config.voters, ...config.votersOutgoing, ...config.learners])) {
    const label = parseLabel(config.labels[id]);
    if (id !== self && label !== null) addresses.set(id, label.peer);
  }
  return addresses;
}

const NOWHERE: MemberLabel = { peer: { host: '', port: 0 }, client: { host: '', port: 0 }, zone: '' };

function labelIn(config: MemberConfig, id: string): MemberLabel {
  return parseLabel(config.labels[id]) ?? NOWHERE;
}

/**
 * The zone whose loss would take the majority of the voters, or all that can lead; '' if there is none. Nothing can be said
 * of a single member, nor where zones are not told.
 */
export function fatalZone(members: readonly MemberInfo[]): string {
  const voters = members.filter(({ role }) => role !== 'learner');
  if (voters.length < 2 || voters.some(({ zone }) => zone === '')) return '';
  const majority = Math.floor(voters.length / 2) + 1;
  const zones = new Set(voters.map(({ zone }) => zone));
  for (const zone of zones) {
    const left = voters.filter((voter) => voter.zone !== zone);
    if (left.length < majority || !left.some(({ role }) => role === 'voter')) return zone;
  }
  return '';
}
