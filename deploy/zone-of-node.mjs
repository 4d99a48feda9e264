/**
 * Writes the availability zone of a Kubernetes node, as its label says, into a configuration file: a pod is not told it.
 * Usage: zone-of-node.mjs FILE, with NODE_NAME in the environment and a service account that may get nodes. A node without
 * the label gives an empty zone. KUBERNETES_API and SERVICE_ACCOUNT are for tests.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';

const account = process.env.SERVICE_ACCOUNT ?? '/var/run/secrets/kubernetes.io/serviceaccount';
const api = process.env.KUBERNETES_API ?? 'https://kubernetes.default.svc';
const [file] = process.argv.slice(2);
const node = process.env.NODE_NAME ?? '';
if (file === undefined || node === '') throw new Error('usage: NODE_NAME=… zone-of-node.mjs FILE');

const get = api.startsWith('http:') ? getHttp : getHttps;
const options = {
  headers: { authorization: `Bearer ${readFileSync(`${account}/token`, 'utf8').trim()}` },
  ...(get === getHttps ? { ca: readFileSync(`${account}/ca.crt`) } : {}),
};
get(`${api}/api/v1/nodes/${encodeURIComponent(node)}`, options, (response) => {
  let body = '';
  response.setEncoding('utf8');
  response.on('data', (text) => { body += text; });
  response.on('end', () => {
    if (response.statusCode !== 200) throw new Error(`the API server answered ${response.statusCode}: ${body}`);
    const zone = JSON.parse(body).metadata?.labels?.['topology.kubernetes.io/zone'] ?? '';
    if (!/^[A-Za-z0-9._-]*$/.test(zone)) throw new Error(`'${zone}' is no zone`);
    writeFileSync(file, `availability-zone "${zone}"\n`);
  });
});
