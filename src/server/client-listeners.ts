/**
 * Where clients come in: the port, the TLS port and the unix socket, as configuration has them. Whom to let in, and what becomes of
 * them, is not decided here.
 */
import { chmodSync, rmSync } from 'node:fs';
import type net from 'node:net';
import type { ListenOptions } from 'node:net';
import type { Config } from './config/config.ts';
import { type AcceptedSocket, Listener } from './listener.ts';
import type { Logger } from './logger.ts';
import { TlsListener } from './tls-listener.ts';
import { tlsSettings } from './tls-settings.ts';

export class ClientListeners {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #accept: (socket: net.Socket) => AcceptedSocket | null;
  readonly #plain: Listener;
  #tls: TlsListener | null = null;

  /** @param accept see Listener */
  constructor(config: Config, log: Logger, accept: (socket: net.Socket) => AcceptedSocket | null) {
    this.#config = config;
    this.#log = log;
    this.#accept = accept;
    this.#plain = new Listener(accept);
  }

  /** The port without encryption; 0: none. */
  get port(): number {
    return this.#plain.port;
  }

  /** 0: no TLS. */
  get tlsPort(): number {
    return this.#tls?.port ?? 0;
  }

  /** See Listener.adopt. */
  adopt(socket: net.Socket, unread: Uint8Array): void {
    this.#plain.adopt(socket, unread);
  }

  /** Descriptors of the sockets that listen. */
  get descriptors(): number[] {
    return this.#plain.descriptors;
  }

  /** @throws OperationalError LISTEN_FAILED, TLS_INVALID */
  async listen(): Promise<void> {
    const config = this.#config;
    const tlsPort = config.number('tls-port');
    if (config.number('port') !== 0 || (config.unixsocket === '' && tlsPort === 0)) {
      await this.#onAddresses((options) => this.#plain.listen({ ...options, port: this.#plain.port || config.number('port') }));
    }
    if (tlsPort !== 0) {
      const listener = new TlsListener(tlsSettings(config), this.#accept, (address, why) => {
        this.#log.verbose(`Error accepting a client connection: ${why} (addr=${address})`);
      });
      this.#tls = listener;
      await this.#onAddresses((options) => listener.listen({ ...options, port: tlsPort }));
    }
    if (config.unixsocket !== '') {
      // What a server that was killed left behind.
      rmSync(config.unixsocket, { force: true });
      await this.#plain.listen({ path: config.unixsocket, backlog: config.number('tcp-backlog') });
      const mode = parseInt(config.string('unixsocketperm'), 8);
      if (mode !== 0) chmodSync(config.unixsocket, mode);
    }
  }

  /** Listens on each address of `bind`. */
  async #onAddresses(listen: (options: ListenOptions) => Promise<void>): Promise<void> {
    const backlog = this.#config.number('tcp-backlog');
    for (const word of this.#config.string('bind').split(/\s+/)) {
      const optional = word.startsWith('-');
      const host = word.replace(/^-/, '').replace('::*', '::').replace(/^\*$/, '0.0.0.0');
      try {
        await listen({ host, backlog, ipv6Only: true });
      } catch (error) {
        if (!optional) throw error;
        this.#log.verbose(`Not listening on ${word}: ${(error as Error).message}`);
      }
    }
  }

  /** Takes certificates and settings of TLS anew, for connections to come. @throws OperationalError TLS_INVALID: those before go on counting */
  reloadTls(): void {
    this.#tls?.setSettings(tlsSettings(this.#config));
  }

  /** Takes no further connections; those that are there stay. */
  close(): void {
    this.#plain.close();
    this.#tls?.close();
  }
}
