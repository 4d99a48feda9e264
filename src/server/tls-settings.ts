/** From the tls-… directives to what Node's TLS takes: certificates and keys are read here, anew each time they are asked for. */
import { constants } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import { OperationalError } from '../shared/errors.ts';
import type { Config } from './config/config.ts';

/** Directives that make up the settings: a change of one of them makes new ones. */
export function isTlsSetting(directive: string): boolean {
  return directive.startsWith('tls-') && directive !== 'tls-port';
}

export type ClientCertificates = 'no' | 'yes' | 'optional';

export interface TlsSettings {
  readonly context: tls.SecureContextOptions;
  readonly clientCertificates: ClientCertificates;
}

function invalid(message: string, cause?: unknown): OperationalError {
  return new OperationalError('TLS_INVALID', message, cause);
}

const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
const FORBID: Readonly<Record<(typeof VERSIONS)[number], number>> = {
  TLSv1: constants.SSL_OP_NO_TLSv1, 'TLSv1.1': constants.SSL_OP_NO_TLSv1_1, 'TLSv1.2': constants.SSL_OP_NO_TLSv1_2, 'TLSv1.3': constants.SSL_OP_NO_TLSv1_3,
};
const DEFAULT_VERSIONS = 'TLSv1.2 TLSv1.3';

/** @throws OperationalError TLS_INVALID: a file is missing or is not what it should be, or settings do not go together */
export function tlsSettings(config: Config): TlsSettings {
  const clientCertificates = config.string('tls-auth-clients') as ClientCertificates;
  const cert = fileOf(config, 'tls-cert-file');
  const key = fileOf(config, 'tls-key-file');
  if (cert === null || key === null) throw invalid('tls-cert-file and tls-key-file must be given');
  const ca = authorities(config);
  if (ca.length === 0 && clientCertificates !== 'no') throw invalid('tls-ca-cert-file or tls-ca-cert-dir must be given where tls-auth-clients is not "no"');
  const context: tls.SecureContextOptions = {
    cert, key,
    ...passphraseOf(config, 'tls-key-file-pass'),
    ...(ca.length === 0 ? {} : { ca }),
    ...protocolOf(config),
    honorCipherOrder: config.bool('tls-prefer-server-ciphers'),
    sessionTimeout: Math.max(1, config.number('tls-session-cache-timeout')),
    sessionIdContext: 'holdfast',
  };
  return { context: usable(context), clientCertificates };
}

/**
 * For the connection to the source of an import; null: without TLS.
 * @throws OperationalError TLS_INVALID, as `tlsSettings`
 */
export function sourceTlsContext(config: Config): tls.SecureContextOptions | null {
  if (!config.bool('tls-replication')) return null;
  const ca = authorities(config);
  if (ca.length === 0) throw invalid('tls-ca-cert-file or tls-ca-cert-dir must be given where tls-replication is on');
  const own = config.string('tls-client-cert-file') === '' ? 'tls' : 'tls-client';
  const cert = fileOf(config, `${own}-cert-file`);
  const key = fileOf(config, `${own}-key-file`);
  if ((cert === null) !== (key === null)) throw invalid(`${own}-cert-file and ${own}-key-file go together`);
  return usable({ ca, ...(cert === null || key === null ? {} : { cert, key, ...passphraseOf(config, `${own}-key-file-pass`) }), ...protocolOf(config) });
}

function usable(context: tls.SecureContextOptions): tls.SecureContextOptions {
  try {
    tls.createSecureContext(context);
  } catch (error) {
    throw invalid((error as Error).message, error);
  }
  return context;
}

function passphraseOf(config: Config, directive: string): tls.SecureContextOptions {
  const passphrase = config.string(directive);
  return passphrase === '' ? {} : { passphrase };
}

function protocolOf(config: Config): tls.SecureContextOptions {
  const versions = versionsOf(config);
  return { minVersion: versions[0]!, maxVersion: versions[versions.length - 1]!, ciphers: ciphersOf(config), secureOptions: secureOptions(config, versions) };
}

function fileOf(config: Config, directive: string): string | null {
  const path = config.string(directive);
  return path === '' ? null : read(path, directive);
}

function read(path: string, directive: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw invalid(`${directive}: ${path} cannot be read: ${(error as Error).message}`, error);
  }
}

/** Certificates of those who may sign clients'. */
function authorities(config: Config): string[] {
  const out = [fileOf(config, 'tls-ca-cert-file')].filter((text) => text !== null);
  const directory = config.string('tls-ca-cert-dir');
  if (directory === '') return out;
  let names: string[];
  try {
    names = readdirSync(directory).sort();
  } catch (error) {
    throw invalid(`tls-ca-cert-dir: ${directory} cannot be read: ${(error as Error).message}`, error);
  }
  // Links named by hashes, as OpenSSL wants them, and other files may stand there too.
  const found = new Set(names.filter((name) => /\.(pem|crt|cer|\d+)$/.test(name)).map((name) => read(join(directory, name), 'tls-ca-cert-dir')));
  return [...out, ...found];
}

/** In ascending order. */
function versionsOf(config: Config): (typeof VERSIONS)[number][] {
  const words = (config.string('tls-protocols') || DEFAULT_VERSIONS).toLowerCase().split(/[\s,]+/).filter((word) => word !== '');
  const known: readonly string[] = VERSIONS.map((version) => version.toLowerCase());
  if (words.length === 0 || words.some((word) => !known.includes(word))) {
    throw invalid("Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'.");
  }
  return VERSIONS.filter((version) => words.includes(version.toLowerCase()));
}

/** Those of TLS 1.2 and before, and those of 1.3, each as given or by default. */
function ciphersOf(config: Config): string {
  const defaults = tls.DEFAULT_CIPHERS.split(':');
  const isSuite = (name: string): boolean => name.startsWith('TLS_');
  const given = config.string('tls-ciphersuites');
  const suites = (given === '' ? defaults : given.split(':').map((name) => name.trim())).filter(isSuite);
  // Node would take a name that is none for one of the other kind, and all suites with it.
  if (suites.length === 0) throw invalid('tls-ciphersuites: no cipher match');
  return `${suites.join(':')}:${config.string('tls-ciphers') || defaults.filter((name) => !isSuite(name)).join(':')}`;
}

function secureOptions(config: Config, versions: readonly string[]): number {
  let options = config.bool('tls-session-caching') ? 0 : constants.SSL_OP_NO_TICKET;
  for (const version of VERSIONS) if (!versions.includes(version)) options |= FORBID[version];
  return options;
}
