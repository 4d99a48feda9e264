/** From directives to a node's place among the others: addresses, secret, certificates, and whom to found or join a shard with. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { type MemberLabel, parseAddress } from '../replication/member-label.ts';
import type { PeerAddress, PeerTls } from '../replication/peers/peer-network.ts';
import { PeerTransport } from '../replication/peers/peer-transport.ts';
import type { PeeringOptions } from '../replication/shard-node.ts';
import { OperationalError } from '../shared/errors.ts';
import type { Config } from './config/config.ts';
import type { Logger } from './logger.ts';

function invalid(message: string, cause?: unknown): OperationalError {
  return new OperationalError('CONFIG_INVALID', message, cause);
}

/** What this node says of itself to the others. @throws OperationalError CONFIG_INVALID */
export function labelOf(config: Config): MemberLabel {
  const announced = config.string('peer-announce');
  const peer = announced === '' ? { host: config.string('replica-announce-ip') || hostname(), port: config.number('peer-port') || 1 } : addressOf(announced, 'peer-announce');
  return {
    peer,
    client: { host: config.string('replica-announce-ip') || peer.host, port: config.number('replica-announce-port') || config.number('port') || config.number('tls-port') },
    zone: config.string('availability-zone'),
  };
}

/** Null for a node that is alone. @throws OperationalError CONFIG_INVALID */
export function peeringOf(config: Config, log: Logger): PeeringOptions | null {
  const port = config.number('peer-port');
  const members = addressesOf(config, 'cluster-members');
  const join = addressesOf(config, 'cluster-join');
  if (port === 0) {
    if (members.length + join.length > 0) throw invalid('cluster-members and cluster-join need a peer-port');
    return null;
  }
  if (members.length > 0 && join.length > 0) throw invalid('cluster-members founds a shard, cluster-join joins one: give one of them');
  const words = (config.string('peer-bind') || config.string('bind')).split(/\s+/);
  const secret = secretOf(config);
  const tls = tlsOf(config);
  return {
    seeds: [...members, ...join],
    mayFound: join.length === 0,
    connect: (handlers) => PeerTransport.listen({
      ...handlers, secret, tls,
      listen: words.map((word) => {
        const host = word.replace(/^-/, '');
        return { host: host === '*' ? '0.0.0.0' : host.replace('::*', '::'), port, optional: word.startsWith('-') };
      }),
      notice: (message) => log.notice(message),
      warn: (message) => log.warning(message),
    }),
  };
}

function addressesOf(config: Config, directive: string): PeerAddress[] {
  return config.string(directive).split(/[\s,]+/).filter((word) => word !== '').map((word) => addressOf(word, directive));
}

function addressOf(text: string, directive: string): PeerAddress {
  const address = parseAddress(text);
  if (address === null) throw invalid(`${directive}: '${text}' is no host:port`);
  return address;
}

function fileOf(config: Config, directive: string): string {
  const path = config.string(directive);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw invalid(`${directive}: ${path} cannot be read: ${(error as Error).message}`, error);
  }
}

function secretOf(config: Config): string {
  if (config.string('cluster-secret-file') === '') return config.string('cluster-secret');
  if (config.string('cluster-secret') !== '') throw invalid('cluster-secret and cluster-secret-file: give one of them');
  return fileOf(config, 'cluster-secret-file').trim();
}

function tlsOf(config: Config): PeerTls | null {
  const directives = ['peer-tls-cert-file', 'peer-tls-key-file', 'peer-tls-ca-cert-file'] as const;
  const given = directives.filter((directive) => config.string(directive) !== '');
  if (given.length === 0) return null;
  if (given.length < directives.length) throw invalid(`certificates of members need all of ${directives.join(', ')}`);
  const [cert, key, ca] = directives.map((directive) => fileOf(config, directive));
  return { cert: cert!, key: key!, ca: ca! };
}
