/** TLS of the command line tools: the options, named as redis-cli names them, and what a connection takes of them. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { OperationalError } from '../shared/errors.ts';

export const TLS_USAGE = `      --cacert FILE     who may have signed the server's certificate; by default those that the system trusts, and then the
                        certificate must also be in the server's name
      --cert FILE       a certificate of your own, with
      --key FILE        its private key
      --insecure        take any certificate of the server
      --sni HOST        the name to ask for, and to expect`;

export const TLS_OPTIONS = {
  cacert: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  insecure: { type: 'boolean', default: false },
  sni: { type: 'string' },
} as const;

export interface TlsValues {
  readonly cacert?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly insecure: boolean;
  readonly sni?: string | undefined;
}

/** @throws OperationalError TLS_INVALID: a file cannot be read, or is missing */
export function tlsOptions({ cacert, cert, key, insecure, sni }: TlsValues): ConnectionOptions {
  if ((cert === undefined) !== (key === undefined)) throw new OperationalError('TLS_INVALID', '--cert and --key go together');
  return {
    rejectUnauthorized: !insecure,
    ...(sni === undefined ? {} : { servername: sni }),
    // Whoever names an authority trusts whom it signs, as redis-cli does: such certificates seldom have names or addresses.
    ...(cacert === undefined ? {} : { ca: read('--cacert', cacert), checkServerIdentity: () => undefined }),
    ...(cert === undefined ? {} : { cert: read('--cert', cert) }),
    ...(key === undefined ? {} : { key: read('--key', key) }),
  };
}

function read(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new OperationalError('TLS_INVALID', `${option}: ${path} cannot be read: ${(error as Error).message}`, error);
  }
}
