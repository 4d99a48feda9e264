/** Certificates of a server and of a client as files, signed by one authority: what a deployment with TLS has. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from '../replication/peers/certificates.ts';

export class TlsFiles {
  readonly ca: string;
  readonly client: { readonly cert: string; readonly key: string };
  readonly #dir = mkdtempSync(join(tmpdir(), 'holdfast-tls-'));

  constructor() {
    const authority = new Authority();
    const [server, client] = [authority.issue('server'), authority.issue('client')];
    authority.remove();
    this.ca = server.ca;
    this.client = { cert: client.cert, key: client.key };
    const files = { 'ca.pem': server.ca, 'server.pem': server.cert, 'server.key': server.key, 'client.pem': client.cert, 'client.key': client.key };
    for (const [name, text] of Object.entries(files)) writeFileSync(this.path(name), text);
  }

  /** Of ca.pem, server.pem, server.key, client.pem and client.key. */
  path(name: string): string {
    return join(this.#dir, name);
  }

  /** Arguments of a server, redis-server or Holdfast. Clients without a certificate are let in, and with one of another authority are not. */
  serverArgs(port: number): string[] {
    return [
      '--tls-port', String(port), '--tls-cert-file', this.path('server.pem'), '--tls-key-file', this.path('server.key'), '--tls-ca-cert-file', this.path('ca.pem'),
      '--tls-auth-clients', 'optional',
    ];
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
