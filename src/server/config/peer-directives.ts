/**
 * The directives of the network between members, and what they amount to. Redis has nothing like them: its cluster bus trusts
 * whoever reaches it.
 *
 *   peer-port               port on which other members are listened for; 0: none are, this node is alone
 *   peer-bind               addresses to listen on for members, as in `bind`; empty: those of `bind`
 *   peer-announce           host:port by which other members reach this one (of a container, say); empty: the first address listened on
 *   cluster-secret          what all members know and nobody else: proves that one belongs to the cluster
 *   cluster-secret-file     a file with the secret in its first line, instead
 *   peer-tls-cert-file      certificate (PEM) with which this member shows itself; with it all traffic between members is encrypted
 *   peer-tls-key-file       its private key
 *   peer-tls-ca-cert-file   the authority whose certificates are taken for members'; give it to members alone
 *
 * The three of TLS go together. With CONFIG SET of any of them the files are read again, and new connections use what they hold.
 */
import { readFileSync } from 'node:fs';
import { OperationalError } from '../../shared/errors.ts';
import type { PeerAddress, PeerTls } from '../../replication/peers/peer-network.ts';
import type { Config } from './config.ts';
import { type Directive, DirectiveError, directive, int, string, words } from './directive.ts';

const fixed = { mutable: false };

/** "host:port" or "[ipv6]:port", or undefined. */
export function parseHostPort(text: string): PeerAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  return match === null || port === 0 || port > 65535 ? undefined : { host: match[1] ?? match[2]!, port };
}

function hostPort(given: readonly string[]): readonly string[] {
  if (given.length > 1 || (given.length === 1 && parseHostPort(given[0]!) === undefined)) throw new DirectiveError('peer-announce must be host:port, or empty');
  return given;
}

export const PEER_DIRECTIVES: readonly Directive[] = [
  directive('peer-port', int(0, 65535), '0', fixed),
  directive('peer-bind', words, '', fixed),
  directive('peer-announce', { type: 'words', check: hostPort }, '', fixed),
  directive('cluster-secret', string, '', fixed),
  directive('cluster-secret-file', string, '', fixed),
  directive('peer-tls-cert-file', string, ''),
  directive('peer-tls-key-file', string, ''),
  directive('peer-tls-ca-cert-file', string, ''),
];

function read(config: Config, name: string): string {
  try {
    return readFileSync(config.string(name), 'utf8');
  } catch (error) {
    throw new OperationalError('PEER_FILE_UNREADABLE', `${name} cannot be read: ${(error as Error).message}`, error);
  }
}

/** The secret of the cluster; '' if there is none. @throws OperationalError PEER_SECRET_INVALID, PEER_FILE_UNREADABLE */
export function clusterSecret(config: Config): string {
  const given = config.string('cluster-secret');
  if (config.string('cluster-secret-file') === '') return given;
  if (given !== '') throw new OperationalError('PEER_SECRET_INVALID', 'cluster-secret and cluster-secret-file are given both');
  const secret = read(config, 'cluster-secret-file').split(/\r?\n/, 1)[0]!;
  if (secret === '') throw new OperationalError('PEER_SECRET_INVALID', 'the first line of cluster-secret-file is empty');
  return secret;
}

/** Certificates for the network between members, read from their files; null without. @throws OperationalError PEER_TLS_INVALID, PEER_FILE_UNREADABLE */
export function peerTls(config: Config): PeerTls | null {
  const names = ['peer-tls-cert-file', 'peer-tls-key-file', 'peer-tls-ca-cert-file'] as const;
  const given = names.filter((name) => config.string(name) !== '');
  if (given.length === 0) return null;
  const missing = names.find((name) => !given.includes(name));
  if (missing !== undefined) throw new OperationalError('PEER_TLS_INVALID', `${given[0]!} is given without ${missing}`);
  const [cert, key, ca] = names.map((name) => read(config, name));
  return { cert: cert!, key: key!, ca: ca! };
}
