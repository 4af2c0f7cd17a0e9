import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { leafPaths } from '../../src/agent/config/keys.ts';
import { reasons } from '../../src/wire/errors.ts';
import { status } from '../../src/wire/status.ts';

const doc = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

test('docs/configuration.md lists every setting', () => {
  const text = doc('configuration.md');
  expect(
    leafPaths()
      .map((path) => path.join('.'))
      .filter((key) => !text.includes(`\`${key}\``)),
  ).toEqual([]);
});

test('docs/errors.md lists every reason with its code', () => {
  const text = doc('errors.md');
  const names = new Map(Object.entries(status).map(([name, code]) => [code as number, name]));
  const missing = Object.entries(reasons).filter(
    ([reason, code]) => !new RegExp(`| ${reason} +| ${names.get(code)} +|`).test(text),
  );
  expect(missing).toEqual([]);
});
