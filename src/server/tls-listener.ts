/**
 * Listens for clients that speak TLS. Certificates and all other settings can be changed while it listens: they count for
 * connections that come after.
 */
import type net from 'node:net';
import tls from 'node:tls';
import { OperationalError } from '../shared/errors.ts';
import type { AcceptedSocket } from './listener.ts';
import type { TlsSettings } from './tls-settings.ts';

/** From the connection until the client has shaken hands. */
const HANDSHAKE_MAX_MS = 10_000;

export class TlsListener {
  readonly #servers: tls.Server[] = [];
  readonly #onAccept: (socket: net.Socket) => AcceptedSocket | null;
  /** Told why a client was turned away. */
  readonly #onRefused: (address: string, why: string) => void;
  #settings: TlsSettings;

  constructor(settings: TlsSettings, onAccept: (socket: net.Socket) => AcceptedSocket | null, onRefused: (address: string, why: string) => void) {
    this.#settings = settings;
    this.#onAccept = onAccept;
    this.#onRefused = onRefused;
  }

  /** @throws OperationalError LISTEN_FAILED */
  async listen(options: net.ListenOptions): Promise<void> {
    // Whether a client's certificate is demanded may change, so it is always asked for and looked at when it is there.
    const server = tls.createServer(
      { ...this.#settings.context, requestCert: true, rejectUnauthorized: false, handshakeTimeout: HANDSHAKE_MAX_MS },
      (socket) => this.#accept(socket),
    );
    server.on('tlsClientError', (error, socket) => {
      this.#onRefused(socket.remoteAddress ?? '', error.message);
      socket.destroy();
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(new OperationalError('LISTEN_FAILED', error.message, error)));
      server.listen(options, resolve);
    });
    this.#servers.push(server);
  }

  /** Port of the first of them; 0 when there is none. */
  get port(): number {
    const address = this.#servers[0]?.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  /** Other settings, for connections to come. */
  setSettings(settings: TlsSettings): void {
    this.#settings = settings;
    for (const server of this.#servers) server.setSecureContext(settings.context);
  }

  /** Stops accepting. Open connections are their owner's. */
  close(): void {
    for (const server of this.#servers) server.close();
  }

  #accept(socket: tls.TLSSocket): void {
    const why = this.#refusal(socket);
    if (why !== null) {
      this.#onRefused(socket.remoteAddress ?? '', why);
      socket.destroy();
      return;
    }
    const target = this.#onAccept(socket);
    if (target === null) return;
    socket.on('data', (bytes: Buffer) => {
      if (!target.read(bytes, bytes.length)) socket.pause();
    });
  }

  #refusal(socket: tls.TLSSocket): string | null {
    const wanted = this.#settings.clientCertificates;
    if (wanted === 'no' || socket.authorized) return null;
    const hasCertificate = socket.getPeerCertificate().raw !== undefined;
    if (!hasCertificate) return wanted === 'yes' ? 'the client has no certificate' : null;
    return `the client's certificate is not accepted: ${socket.authorizationError?.message ?? String(socket.authorizationError)}`;
  }
}
