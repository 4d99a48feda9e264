/** What stands in the files for Docker, Compose and Kubernetes: every command line is one that a server takes, and names agree. */
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { Config } from '../../src/server/config/config.ts';
import { readArguments } from '../../src/server/config/config-file.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const scratch = mkdtempSync(join(tmpdir(), 'holdfast-deploy-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The configuration that a command line amounts to: `holdfast server …`, with `values` for what the environment gives. */
function configOf(words: readonly string[], values: Readonly<Record<string, string>> = {}): Config {
  expect(words[0]).toBe('server');
  const args = words.slice(1).map((word) => word.replace(/\$\((\w+)\)|\$\{(\w+):\?[^}]*\}/g, (_, a?: string, b?: string) => {
    const value = values[a ?? b ?? ''];
    expect(value, `${word} is not given`).toBeDefined();
    return value!;
  }));
  const { directives } = readArguments(args);
  const config = Config.from(directives);
  expect(config.notices).toEqual([]);
  return config;
}

const asSeen = (config: Config): Record<string, string> => Object.fromEntries(
  ['dir', 'port', 'peer-port', 'cluster-members', 'availability-zone', 'peer-announce', 'cluster-secret-file', 'requirepass'].map((name) => [name, config.string(name)]),
);

test('Dockerfile', () => {
  const lines = read('deploy/Dockerfile').split('\n');
  const json = (instruction: string): string[] => JSON.parse(lines.find((line) => line.startsWith(`${instruction} `))!.slice(instruction.length + 1)) as string[];
  expect(json('ENTRYPOINT')).toEqual(['holdfast']);
  expect(asSeen(configOf(json('CMD')))).toMatchObject({ dir: '/data', port: '6379' });
  for (const line of ['USER node', 'VOLUME /data', 'EXPOSE 6379 7379', 'STOPSIGNAL SIGTERM']) expect(lines).toContain(line);
  expect(lines.find((line) => line.startsWith('HEALTHCHECK'))).toContain('CMD ["holdfast", "status", "--check"]');
  // What is copied from the checkout is there.
  const copied = lines.filter((line) => /^COPY (?!--from)/.test(line)).flatMap((line) => line.split(' ').slice(1, -1));
  const ignored = read('.dockerignore').split('\n').filter((line) => line !== '');
  for (const path of copied) {
    expect(() => readFileSync(join(ROOT, path))).not.toThrow(/ENOENT/);
    expect(ignored).not.toContain(path.replace(/^\.\//, ''));
  }
});

interface Compose {
  readonly services: Readonly<Record<string, {
    readonly hostname: string; readonly ports: string[]; readonly volumes: string[]; readonly command: string[]; readonly secrets: string[];
    readonly restart: string; readonly build: { readonly dockerfile: string };
  }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, unknown>>;
}

test('docker-compose.yml', () => {
  const { services, volumes, secrets } = parse(read('docker-compose.yml'), { merge: true }) as Compose;
  const names = Object.keys(services);
  expect(names).toHaveLength(3);
  expect(() => read(services[names[0]!]!.build.dockerfile)).not.toThrow();
  const zones = new Set<string>();
  const published = new Set<string>();
  for (const [name, service] of Object.entries(services)) {
    const config = configOf(service.command, { HOLDFAST_PASSWORD: 'secret' });
    expect(asSeen(config)).toMatchObject({
      dir: '/data', 'peer-port': '7379', requirepass: 'secret', 'cluster-members': names.map((member) => `${member}:7379`).join(','),
      'cluster-secret-file': `/run/secrets/${service.secrets[0]!}`,
    });
    // The name that it announces is its host's.
    expect([service.hostname, config.string('peer-announce')]).toEqual([name, '']);
    expect(service.restart).toBe('unless-stopped');
    const [address, port, inside] = service.ports[0]!.split(':');
    expect([address, inside]).toEqual(['127.0.0.1', config.string('port')]);
    published.add(port!);
    const [volume, path] = service.volumes[0]!.split(':');
    expect(path).toBe(config.string('dir'));
    expect(Object.keys(volumes)).toContain(volume);
    expect(Object.keys(secrets)).toContain(service.secrets[0]);
    zones.add(config.string('availability-zone'));
  }
  expect(zones.size).toBe(3);
  expect([...published]).toEqual(['6379', '6380', '6381']);
});

interface Probe { readonly exec?: { readonly command: string[] }; readonly tcpSocket?: { readonly port: string } }
interface Container {
  readonly args?: string[]; readonly command?: string[]; readonly env: { readonly name: string }[];
  readonly ports?: { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: { readonly name: string; readonly mountPath: string }[];
  readonly readinessProbe?: Probe; readonly livenessProbe?: Probe;
}
interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec: {
    readonly serviceName: string; readonly replicas: number; readonly clusterIP?: string; readonly maxUnavailable?: number; readonly publishNotReadyAddresses?: boolean;
    readonly podManagementPolicy: string;
    readonly ports: { readonly port: number; readonly targetPort: string }[];
    readonly template: { readonly spec: {
      readonly terminationGracePeriodSeconds: number; readonly initContainers: Container[]; readonly containers: Container[];
      readonly topologySpreadConstraints: { readonly topologyKey: string }[]; readonly volumes: { readonly name: string }[];
    } };
    readonly volumeClaimTemplates: { readonly metadata: { readonly name: string } }[];
  };
}

test('deploy/kubernetes', () => {
  const documents = parseAllDocuments(read('deploy/kubernetes/holdfast.yaml'));
  for (const document of documents) expect(document.errors).toEqual([]);
  const resources = documents.map((document) => document.toJS() as Resource);
  const find = (kind: string, name = 'holdfast'): Resource => resources.find((resource) => resource.kind === kind && resource.metadata.name === name)!;
  const { spec } = find('StatefulSet');
  const [container] = spec.template.spec.containers as [Container];
  const [init] = spec.template.spec.initContainers as [Container];
  const { metadata: { name } } = find('StatefulSet');
  const peers = find('Service', spec.serviceName).spec;

  // The file that the init container writes is the one that the server reads.
  const [command, script, file] = init.command as [string, string, string];
  expect([command, script, file]).toEqual(['node', expect.stringContaining('deploy/zone-of-node.mjs'), container.args![1]]);
  const zoneFile = join(scratch, 'given.conf');
  writeFileSync(zoneFile, 'availability-zone "eu-1a"\n');
  const given = container.args!.map((word) => (word === file ? zoneFile : word));
  const config = configOf(given, { POD_NAME: `${name}-1`, REDISCLI_AUTH: 'secret' });
  expect(container.env.map((variable) => variable.name)).toEqual(expect.arrayContaining(['POD_NAME', 'REDISCLI_AUTH']));
  const members = Array.from({ length: spec.replicas }, (_, i) => `${name}-${i}.${spec.serviceName}:7379`);
  expect(asSeen(config)).toMatchObject({ dir: '/data', 'availability-zone': 'eu-1a', 'peer-announce': members[1], 'cluster-members': members.join(','), requirepass: 'secret' });

  const portOf = (target: string): number => container.ports!.find((port) => port.name === target)!.containerPort;
  expect(portOf('clients')).toBe(config.number('port'));
  expect(portOf('peers')).toBe(config.number('peer-port'));
  for (const service of [peers, find('Service').spec]) for (const port of service.ports) expect(portOf(port.targetPort)).toBe(port.port);
  expect([peers.clusterIP, peers.publishNotReadyAddresses]).toEqual(['None', true]);
  expect(container.readinessProbe!.exec!.command).toEqual(['holdfast', 'status', '--check']);
  expect(portOf(container.livenessProbe!.tcpSocket!.port)).toBe(7379);

  const volumes = [...spec.template.spec.volumes.map((volume) => volume.name), ...spec.volumeClaimTemplates.map((claim) => claim.metadata.name)];
  for (const mount of [...container.volumeMounts, ...init.volumeMounts]) expect(volumes).toContain(mount.name);
  const mountedAt = container.volumeMounts.map((mount) => mount.mountPath);
  for (const path of [config.string('dir'), config.string('cluster-secret-file').replace(/\/[^/]*$/, ''), file.replace(/\/[^/]*$/, '')]) expect(mountedAt).toContain(path);
  const secret = parse(read('deploy/kubernetes/secret.example.yaml')) as Resource;
  expect(Object.keys(secret.stringData!).sort()).toEqual(['cluster-secret', 'password']);

  expect(spec.podManagementPolicy).toBe('Parallel');
  expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(config.number('shutdown-timeout'));
  expect(spec.template.spec.topologySpreadConstraints[0]!.topologyKey).toBe('topology.kubernetes.io/zone');
  expect(find('PodDisruptionBudget').spec.maxUnavailable).toBe(1);
});

test('the zone of a Kubernetes node gets into a file that the server reads', async () => {
  const asked: string[] = [];
  const api = http.createServer((request, response) => {
    asked.push(`${request.url!} ${request.headers.authorization!}`);
    response.end(JSON.stringify({ metadata: { labels: { 'topology.kubernetes.io/zone': 'eu-west-1b' } } }));
  }).listen(0, '127.0.0.1');
  await once(api, 'listening');
  writeFileSync(join(scratch, 'token'), 'abc\n');
  const file = join(scratch, 'zone.conf');
  const child = spawn(process.execPath, [join(ROOT, 'deploy/zone-of-node.mjs'), file], {
    env: { NODE_NAME: 'node-7', KUBERNETES_API: `http://127.0.0.1:${(api.address() as AddressInfo).port}`, SERVICE_ACCOUNT: scratch }, stdio: 'inherit',
  });
  expect((await once(child, 'exit'))[0]).toBe(0);
  api.close();
  expect(asked).toEqual(['/api/v1/nodes/node-7 Bearer abc']);
  expect(configOf(['server', file]).string('availability-zone')).toBe('eu-west-1b');
});
