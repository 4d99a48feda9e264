/** Glob patterns, where Redis's matching gives up. What else they match is compared with redis-server's KEYS elsewhere. */
import { expect, test } from 'vitest';
import { globMatch } from '../../src/shared/glob.ts';

test('a pattern with more than 1,000 stars matches nothing; stars in a row are one, and those at the end none', () => {
  const text = 'a'.repeat(3000);
  expect(globMatch('*a'.repeat(1000), text)).toBe(true);
  expect(globMatch('*a'.repeat(1001), text)).toBe(false);
  expect(globMatch('**a'.repeat(1000), text)).toBe(true);
  expect(globMatch(`${'*a'.repeat(1000)}**`, text)).toBe(true);
  expect(globMatch('*?'.repeat(50_000), 'a'.repeat(50_000))).toBe(false);
  expect(globMatch('*'.repeat(5000), text)).toBe(true);
});

test('an empty text matches an empty pattern alone, and no star', () => {
  expect(globMatch('', '')).toBe(true);
  for (const pattern of ['*', '**', '*'.repeat(5000), '?', 'a']) expect(globMatch(pattern, ''), pattern).toBe(false);
  expect(globMatch('a*', 'a')).toBe(true);
  expect(globMatch('', 'a')).toBe(false);
});
