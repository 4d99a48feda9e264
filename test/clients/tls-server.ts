/** A node that lets clients in by TLS with a certificate only, and what a client needs for that. */
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { freePorts } from '../support/free-ports.ts';
import { TlsFiles } from '../support/tls-files.ts';

export class TlsServer {
  readonly process: HoldfastProcess;
  /** Where TLS is spoken. */
  readonly port: number;
  readonly trusted: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly #files: TlsFiles;

  private constructor(process: HoldfastProcess, port: number, files: TlsFiles) {
    this.process = process;
    this.port = port;
    this.trusted = { ca: files.ca, ...files.client };
    this.#files = files;
  }

  /** The default user has the password `closed`: with a certificate alone nobody comes in, and without TLS only the test does. */
  static async start(...args: string[]): Promise<TlsServer> {
    const files = new TlsFiles();
    const [plainPort, tlsPort] = await freePorts(2) as [number, number];
    const process = await HoldfastProcess.start('--port', String(plainPort), ...files.serverArgs(tlsPort), '--tls-auth-clients', 'yes', '--requirepass', 'closed', ...args);
    return new TlsServer(process, tlsPort, files);
  }

  async remove(): Promise<void> {
    await this.process.remove();
    this.#files.remove();
  }
}
