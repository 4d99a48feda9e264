import tseslint from 'typescript-eslint';

const noDefaultExport = { selector: 'ExportDefaultDeclaration', message: 'Name what you export.' };
const pure = [
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Time comes in through the context.' },
  { selector: "NewExpression[callee.name='Date']", message: 'Time comes in through the context.' },
  { selector: "MemberExpression[object.name='Math'][property.name='random']", message: 'Randomness comes in through the context.' },
  { selector: ':function[async=true]', message: 'The core is synchronous.' },
  { selector: 'AwaitExpression', message: 'The core is synchronous.' },
  { selector: "Identifier[name='Promise']", message: 'The core is synchronous.' },
];
const typed = {
  parser: tseslint.parser,
  parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
};

export default [
  { ignores: ['dist/', 'node_modules/', 'data/', 'coverage/', 'examples/dist/', 'examples/*/node_modules/', 'examples/*/dist/'] },
  ...tseslint.configs.recommended.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    languageOptions: typed,
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // The compiler's noUncheckedIndexedAccess is off; a `!` behind an index says that the place is known to be there.
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-syntax': ['error', noDefaultExport],
      'no-console': 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
      eqeqeq: 'error',
    },
  },
  { files: ['bench/**/*.ts', 'examples/**/*.ts', 'test/**/*.ts'], rules: { 'no-console': 'off' } },
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-unused-expressions': 'off' } },
  {
    files: ['src/shared/**/*.ts', 'src/protocol/**/*.ts', 'src/engine/**/*.ts', 'src/txlog/raft/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', noDefaultExport, ...pure],
      'no-restricted-imports': ['error', { patterns: ['node:*'] }],
    },
  },
];
