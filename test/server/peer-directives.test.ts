/** Directives of the network between members, and the files they name. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError, readArguments } from '../../src/server/config/config-file.ts';
import { Config } from '../../src/server/config/config.ts';
import { clusterSecret, parseHostPort, peerTls } from '../../src/server/config/peer-directives.ts';

const dir = mkdtempSync(join(tmpdir(), 'holdfast-peer-directives-'));
afterAll(() => { rmSync(dir, { recursive: true }); });

function file(name: string, text: string): string {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
}

function load(...args: string[]): Config {
  return Config.from(readArguments(args).directives, null);
}

describe('peer-announce', () => {
  test.each([
    ['10.0.0.1:7000', { host: '10.0.0.1', port: 7000 }], ['node-1.holdfast.svc:65535', { host: 'node-1.holdfast.svc', port: 65535 }],
    ['[::1]:1', { host: '::1', port: 1 }], ['::1:7000', undefined], ['host', undefined], ['host:', undefined], [':7000', undefined],
    ['host:0', undefined], ['host:65536', undefined], ['a b:7000', undefined], ['[::1]', undefined],
  ])('%s', (text, wanted) => {
    expect(parseHostPort(text)).toEqual(wanted);
    if (wanted !== undefined) expect(load('--peer-announce', text).string('peer-announce')).toBe(text);
    else expect(() => load('--peer-announce', text)).toThrow(ConfigError);
  });
});

describe('cluster-secret', () => {
  test('none, given, or the first line of a file', () => {
    expect(clusterSecret(load())).toBe('');
    expect(clusterSecret(load('--cluster-secret', 'a b'))).toBe('a b');
    expect(clusterSecret(load('--cluster-secret-file', file('secret', ' from a file \r\nsecond line\n')))).toBe(' from a file ');
  });

  test('not both, not empty, not from a file that is not there', () => {
    const path = file('empty', '\nsecond line\n');
    expect(() => clusterSecret(load('--cluster-secret', 'x', '--cluster-secret-file', path))).toThrow('given both');
    expect(() => clusterSecret(load('--cluster-secret-file', path))).toThrow('is empty');
    expect(() => clusterSecret(load('--cluster-secret-file', join(dir, 'nowhere')))).toThrow(/^cluster-secret-file cannot be read: ENOENT/);
  });
});

describe('peer-tls-…', () => {
  test('none or all three', () => {
    const [cert, key, ca] = ['cert', 'key', 'ca'].map((name) => file(name, `the ${name}`)) as [string, string, string];
    expect(peerTls(load())).toBeNull();
    expect(peerTls(load('--peer-tls-cert-file', cert, '--peer-tls-key-file', key, '--peer-tls-ca-cert-file', ca))).toEqual({ cert: 'the cert', key: 'the key', ca: 'the ca' });
    expect(() => peerTls(load('--peer-tls-cert-file', cert, '--peer-tls-key-file', key))).toThrow('peer-tls-cert-file is given without peer-tls-ca-cert-file');
    expect(() => peerTls(load('--peer-tls-ca-cert-file', ca))).toThrow('peer-tls-ca-cert-file is given without peer-tls-cert-file');
    expect(() => peerTls(load('--peer-tls-cert-file', cert, '--peer-tls-key-file', join(dir, 'nowhere'), '--peer-tls-ca-cert-file', ca))).toThrow(/^peer-tls-key-file cannot be read/);
  });
});
