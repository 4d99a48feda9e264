/** Authorities and members' certificates, made by the openssl program. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeerTls } from '../../../src/replication/peers/peer-network.ts';

export class Authority {
  readonly #directory = mkdtempSync(join(tmpdir(), 'holdfast-certificates-'));
  #serial = 100;

  constructor() {
    this.#openssl('req', '-x509', ...this.#newKey('ca'), '-subj', '/CN=Holdfast test authority', '-days', '2', '-out', 'ca.pem');
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.#directory, stdio: 'pipe' });
  }

  #newKey(name: string): string[] {
    return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`];
  }

  /** A certificate for a member. Serial numbers count up from 101. */
  issue(name: string): PeerTls {
    const serial = String(++this.#serial);
    this.#openssl('req', ...this.#newKey(name), '-subj', `/CN=${name}`, '-out', `${name}.csr`);
    writeFileSync(join(this.#directory, 'member.cnf'), 'extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n');
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', serial, '-days', '2', '-extfile', 'member.cnf'];
    this.#openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-out', `${name}.pem`);
    const read = (file: string): string => readFileSync(join(this.#directory, file), 'utf8');
    return { cert: read(`${name}.pem`), key: read(`${name}.key`), ca: read('ca.pem') };
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
