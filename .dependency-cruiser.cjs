/** The borders between folders: ARCHITECTURE.md says why. Whatever is not allowed here is forbidden. */
const only = (folder, ...allowed) => ({
  name: `${folder.replace(/\W+/g, '-')}-imports`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: [folder, 'shared', ...allowed].map((name) => `^src/${name}/`) },
});
const owner = (module, folder) => ({
  name: `${module}-belongs-to-${folder}`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^src/${folder}/` },
  to: { path: `node_modules/${module}/` },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    only('shared'),
    only('protocol'),
    only('engine'),
    { name: 'raft-imports', severity: 'error', from: { path: '^src/txlog/raft/' }, to: { path: '^src/', pathNot: '^src/(txlog/raft|shared)/' } },
    only('scripting', 'engine'),
    only('txlog'),
    only('snapshot', 'txlog', 'engine'),
    only('replication', 'snapshot', 'txlog', 'engine'),
    only('server', 'scripting', 'replication', 'snapshot', 'txlog', 'engine', 'protocol'),
    { name: 'nobody-imports-cli', severity: 'error', from: { path: '^src/(?!cli/)' }, to: { path: '^src/cli/' } },
    {
      name: 'addresses-stay-in-memory', severity: 'error',
      from: { path: '^src/engine/', pathNot: '^src/engine/(memory|keyspace|types)/|^src/engine/(engine|digest|content-checksum)\\.ts$' },
      to: { path: '^src/engine/memory/', pathNot: '^src/engine/memory/(entries|arena|packed)\\.ts$' },
    },
    {
      name: 'memory-is-the-engines', severity: 'error',
      from: { path: '^src/(server|scripting|replication|txlog|cli|protocol)/' }, to: { path: '^src/engine/memory/' },
    },
    owner('level', 'txlog'), owner('classic-level', 'txlog'), owner('msgpackr', 'txlog'), owner('fengari', 'scripting'),
  ],
  options: { tsPreCompilationDeps: true, tsConfig: { fileName: 'tsconfig.json' }, doNotFollow: { path: 'node_modules' } },
};
