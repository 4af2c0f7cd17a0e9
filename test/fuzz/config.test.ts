import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { keysAt, leafPaths } from '../../src/agent/config/keys.ts';
import { parseConfig } from '../../src/agent/config/load.ts';
import { ConfigError } from '../../src/agent/config/problems.ts';
import { bytes, changed, changes } from './bytes.ts';
import { patience, runs } from './runs.ts';

const count = fc.integer({ min: 1, max: 1_000_000 });
const words = (...all: string[]) => fc.uniqueArray(fc.constantFrom(...all), { minLength: 1 });
const duration = fc
  .tuple(fc.integer({ min: 1, max: 999 }), fc.constantFrom('ms', 's', 'm', 'h'))
  .map(([amount, unit]) => ({
    text: `${amount}${unit}`,
    ms: amount * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit],
  }));
const directory = fc.stringMatching(/^\/[a-z0-9 _-]{1,20}(\/[a-z0-9:#'"]{1,9})?$/);

/** Settings that mean what they say, whatever else is set. */
const valid = fc.record({
  runDir: directory,
  stateDir: directory,
  drain: duration,
  fileBytes: count,
  treeDepth: count,
  hostPath: fc.boolean(),
  allow: words('rootfs', 'emptyDir', 'hostPath', 'secret', 'csi'),
  roots: fc.array(directory, { minLength: 1, maxLength: 3 }),
  image: fc.string({ minLength: 1 }).filter((name) => name !== '__proto__'),
  command: fc.array(fc.string()),
});

test(
  'a valid document parses back, in every style of YAML',
  () => {
    const style = fc.record({
      collectionStyle: fc.constantFrom('any', 'block', 'flow') as fc.Arbitrary<'any' | 'block' | 'flow'>,
      defaultStringType: fc.constantFrom('PLAIN', 'QUOTE_DOUBLE', 'QUOTE_SINGLE') as fc.Arbitrary<'PLAIN'>,
      lineWidth: fc.constantFrom(0, 20, 80),
    });
    fc.assert(
      fc.property(valid, style, (said, options) => {
        const { runDir, stateDir, drain, fileBytes, treeDepth, hostPath, allow, roots, image, command } = said;
        const document = {
          runDir,
          stateDir,
          drain: drain.text,
          limits: { fileBytes, treeDepth },
          sockets: { hostPath },
          mounts: { allow },
          cgroup: { roots },
          images: { [image]: { command } },
        };
        const config = parseConfig({ file: stringify(document, options), environment: {}, set: [] });
        expect(config).toMatchObject({ ...document, drain: drain.ms });
      }),
      runs(200),
    );
  },
  patience,
);

/** The configuration of docs, and what YAML can do beside mappings of words. */
const good = Buffer.from(`# all kinds of values
containerRuntimeExecutor: docker
containerRuntimeExecutors: [{ name: docker, selector: { matchLabels: { a: b }, matchExpressions: [{ key: k, operator: In, values: [x] }] } }]
runDir: /run/podhand
drain: 1m30s
limits: &limits { fileBytes: 64Ki, treeDepth: 5, handshake: 10s }
sockets: { volumes: [podhand], hostPath: true }
images: { "alpine:3": { command: [/bin/sh], args: [] } }
log: { level: info, audit: true }
`);
const oddities = fc.constantFrom(
  '*limits',
  '*nothing',
  '&limits',
  '<<: *limits',
  '!!binary aGk=',
  '!!js/function x',
  '!local x',
  '__proto__: { a: 1 }',
  'constructor: 1',
  '? [a]: b',
  '---\n',
  '...\n',
  '%YAML 9.9\n',
  '1e999',
  '.nan',
  '-.inf',
  '0x10',
  '0o17',
  '~',
  '"\\ud800"',
  '{ toString: 1, valueOf: 2 }',
  '[[[[[[]]]]]]',
  '!!set { a }',
  '!!omap [a: 1]',
  '|\n',
  '>-\n',
  '\u2028',
  '2024-01-01',
  '9007199254740993',
);
const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom('docker', '/x', '10s', '1Ki', '-1', '', 'a,b'),
);
const value = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(fc.string(), leaf, { maxKeys: 3 }));
const paths = leafPaths();

test(
  'any document is a configuration, or a ConfigError that says where',
  () => {
    const spliced = fc
      .array(fc.tuple(fc.nat({ max: good.length }), oddities), { maxLength: 3 })
      .map((all) => all.reduce((text, [at, odd]) => text.slice(0, at) + odd + text.slice(at), good.toString()));
    const anchors = fc
      .integer({ min: 1, max: 40 })
      .map((depth) =>
        [
          'a0: &a0 [x]',
          ...Array.from({ length: depth }, (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at},`.repeat(9)}]`),
        ].join('\n'),
      );
    const wrong = fc
      .tuple(fc.constantFrom(...paths), value)
      .map(([path, said]) => stringify(path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), said)));
    const loops = fc.constantFrom(
      'images: &a { x: *a }',
      'a: &a [*a]',
      '&a [*a]',
      'limits: &l { <<: *l }',
      '*a',
      'x: *a',
    );
    const file = fc.oneof(
      changes.map((all) => changed(good, all).toString()),
      bytes().map((all) => all.toString()),
      spliced,
      anchors,
      wrong,
      loops,
    );
    const at = fc.constantFrom(...paths.map((path) => path.join('.')));
    const set = fc.array(
      fc.oneof(
        fc.tuple(at, fc.string()).map(([path, said]) => `${path}=${said}`),
        fc.string(),
      ),
      { maxLength: 2 },
    );
    fc.assert(
      fc.property(file, set, (text, flags) => {
        let problems: ConfigError['problems'];
        try {
          expect(Object.isFrozen(parseConfig({ file: text, environment: {}, set: flags }))).toBe(true);
          return;
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          problems = error.problems;
        }
        expect(problems.length).toBeGreaterThan(0);
        for (const { where, what } of problems) {
          expect(what).not.toBe('');
          const key = where.split('.')[0] ?? '';
          const known = ['file', 'configuration', ...keysAt([])];
          if (!where.startsWith('--set ')) expect(known).toContain(key);
        }
      }),
      runs(1000),
    );
  },
  patience,
);

test(
  'a problem with a setting names it',
  () => {
    const broken = fc.constantFrom({ a: 1 }, [[]], { toString: 1 });
    const docs = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    fc.assert(
      fc.property(fc.constantFrom(...paths), broken, (path, said) => {
        const file = stringify(path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), said));
        try {
          parseConfig({ file, environment: {}, set: [] });
          expect.fail(`${file} was taken`);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          const key = path.join('.');
          expect(error.problems.some(({ where }) => where === key || where.startsWith(`${key}.`))).toBe(true);
          expect(docs).toContain(`\`${key}\``);
        }
      }),
      runs(150),
    );
  },
  patience,
);
