/** Members over TLS: each with a certificate of the same authority, or not at all. */
import type net from 'node:net';
import tls from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Authority } from './certificates.ts';
import { Member, closeMembers, pair, until } from './peer-rig.ts';

const authority = new Authority();
const foreign = new Authority();
const certificate1 = authority.issue('n1');
const certificate2 = authority.issue('n2');
const servers: net.Server[] = [];

afterEach(async () => {
  await closeMembers();
  for (const server of servers.splice(0)) server.close();
});

afterAll(() => {
  authority.remove();
  foreign.remove();
});

function listening(server: net.Server): Promise<number> {
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port));
  });
}

/** Serial number of the certificate that a member shows. */
function serialOf(member: Member): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ port: member.port, host: '127.0.0.1', ...certificate2, checkServerIdentity: () => undefined }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

describe('members over TLS', () => {
  it('exchange messages, questions and streams', async () => {
    const onAsk = (_from: string, _group: string, _kind: string, body: Uint8Array): Promise<Uint8Array> => Promise.resolve(body);
    const [n1, n2] = await pair({ tls: certificate1 }, { tls: certificate2, onAsk });
    for (let i = 0; i < 1000; i++) n1.transport.send('n2', 'g', Buffer.from(String(i)));
    n1.transport.flush();
    n1.sendNow('n2', 'x'.repeat(5_000_000));
    await until(() => n2.frames.length === 1001);
    expect(n2.texts().slice(0, 1000)).toEqual(Array.from({ length: 1000 }, (_, i) => String(i)));
    expect(n2.texts()[1000]!.length).toBe(5_000_000);
    expect(Buffer.from(await n1.transport.ask('n2', 'g', 'echo', Buffer.from('body'), 5000)).toString()).toBe('body');
    const near = await n1.transport.openStream('n2', 'test', {});
    near.end(Buffer.alloc(5_000_000, 'x'));
    let bytes = 0;
    n2.streams[0]!.stream.on('data', (piece: Buffer) => { bytes += piece.length; });
    await new Promise((resolve) => n2.streams[0]!.stream.once('end', resolve));
    expect(bytes).toBe(5_000_000);
  });

  it('need no secret, and whoever has one needs the right one all the same', async () => {
    await pair({ tls: certificate1, secret: '', listen: [{ host: '0.0.0.0', port: 0 }] }, { tls: certificate2, secret: '' });
    const n3 = await Member.start('n3', { tls: certificate1, secret: 'one' });
    const n4 = await Member.start('n4', { tls: certificate2, secret: 'another' });
    n3.knows([n4]);
    await until(() => n3.warnings.length > 0);
    expect(n3.warnings[0]).toContain('PEER_SECRET');
  });

  it('are not reached with a certificate of another authority, nor do they take one', async () => {
    const n1 = await Member.start('n1', { tls: certificate1 });
    const n2 = await Member.start('n2', { tls: { ...foreign.issue('n2'), ca: certificate1.ca } });
    n2.knows([n1]);
    await until(() => n1.warnings.length > 0 && n2.warnings.length > 0);
    expect(n1.warnings[0]).toMatch(/turned away: TLS: .*\(PEER_HANDSHAKE\)$/);
    const n3 = await Member.start('n3', { tls: foreign.issue('n3') });
    n1.knows([n3]);
    await until(() => n1.status('n3')!.lastError !== '');
    expect(n1.status('n3')!.lastError).toMatch(/unable to verify|self-signed|unable to get/);
    expect([...n1.events, ...n2.events, ...n3.events]).toEqual([]);
  });

  it('are not reached without a certificate, nor without TLS', async () => {
    const n1 = await Member.start('n1', { tls: certificate1, timing: { handshakeMaxMs: 500 } });
    const bare = tls.connect({ port: n1.port, host: '127.0.0.1', ca: certificate1.ca, checkServerIdentity: () => undefined });
    bare.on('error', () => undefined);
    bare.resume();
    await new Promise((resolve) => bare.once('close', resolve));
    const plain = await Member.start('n2', { timing: { handshakeMaxMs: 500 } });
    plain.knows([n1]);
    await until(() => plain.warnings.length > 0);
    // And the other way round: who wants TLS does not speak to somebody without.
    n1.knows([plain]);
    await until(() => n1.warnings.some((warning) => warning.startsWith('Cannot connect to member n2')));
    expect([...n1.events, ...plain.events]).toEqual([]);
    await until(() => n1.transport.visitors === 0);
  });

  it('are not deceived by one in between who has a certificate but not the secret', async () => {
    const n1 = await Member.start('n1', { tls: certificate1 });
    const n2 = await Member.start('n2', { tls: certificate2 });
    const between = authority.issue('between');
    const relay = tls.createServer({ ...between, requestCert: true }, (near) => {
      const far = tls.connect({ port: n2.port, host: '127.0.0.1', ...between, checkServerIdentity: () => undefined });
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) socket.on('error', () => undefined);
    });
    n1.knows([{ id: 'n2', port: await listening(relay) }]);
    await until(() => n1.warnings.length > 0);
    expect(n1.warnings[0]).toContain('PEER_SECRET');
    expect([...n1.events, ...n2.events]).toEqual([]);
  });

  it('take new certificates while running, and keep the old ones if the new ones are no good', async () => {
    const [n1, n2] = await pair({ tls: certificate1 }, { tls: certificate2 });
    const before = await serialOf(n1);
    expect(() => n1.transport.setTls({ ...certificate1, key: certificate2.key })).toThrow(expect.objectContaining({ code: 'PEER_TLS_INVALID' }));
    expect(() => n1.transport.setTls({ ...certificate1, cert: 'no certificate' })).toThrow(expect.objectContaining({ code: 'PEER_TLS_INVALID' }));
    expect(await serialOf(n1)).toBe(before);
    n1.transport.setTls(authority.issue('n1'));
    expect(await serialOf(n1)).not.toBe(before);
    // Connections that are there are not touched.
    n1.sendNow('n2', 'still there');
    await until(() => n2.frames.length === 1);
    expect(n1.events).toEqual(['+n2']);
  });

  it('move to another authority by trusting both for a while', async () => {
    const [n1, n2] = await pair({ tls: certificate1 }, { tls: certificate2 });
    const foreign1 = foreign.issue('n1');
    const ca = certificate1.ca + foreign1.ca;
    n2.transport.setTls({ ...certificate2, ca });
    n1.transport.setTls({ ...foreign1, ca });
    const near = await n1.transport.openStream('n2', 'test', {});
    near.end();
    const back = await n2.transport.openStream('n1', 'test', {});
    back.end();
  });

  it('do not start with certificates that cannot be used', async () => {
    await expect(Member.start('n1', { tls: { ...certificate1, key: certificate2.key } })).rejects.toMatchObject({ code: 'PEER_TLS_INVALID' });
  });
});
