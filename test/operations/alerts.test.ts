import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadExecutorService } from '../../src/wire/load.ts';
import { must } from '../node/processes.ts';
import { promtool } from '../node/promtool.ts';
import { startTestAgent } from '../rpc/agent-under-test.ts';
import { scrapeText } from './scrape.ts';

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const alertsPath = file('deploy/prometheus/alerts.yaml');
const ruleTests = ['alerts', 'alert-bounds'].map((name) => file(`test/operations/${name}.promtool.yaml`));

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

interface Expectation {
  readonly exp_samples?: readonly { readonly labels: string }[];
}

interface RuleTest {
  readonly name: string;
  readonly input_series: readonly { readonly series: string }[];
  readonly promql_expr_test?: readonly Expectation[];
}

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const { groups } = parse(readFileSync(alertsPath, 'utf8')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const { panels } = JSON.parse(readFileSync(file('deploy/grafana/podhand.json'), 'utf8')) as { panels: Panel[] };
const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

let tool: string;
let text: string;
beforeAll(async () => {
  tool = await promtool();
  const directory = mkdtempSync(join(tmpdir(), 'podhand-alerts-'));
  const agent = await startTestAgent([`metrics.listen=unix:${directory}/metrics.sock`]);
  try {
    text = await scrapeText(join(directory, 'metrics.sock'));
  } finally {
    await agent.close();
    rmSync(directory, { recursive: true });
  }
});

/** The series that an expression reads; `up` is made by Prometheus and not by an agent. */
function namesIn(expression: string): string[] {
  const bare = expression.replace(/"[^"]*"/g, '');
  return [...bare.matchAll(/\bpodhand_\w+/g)].map(([name]) => name);
}

function seriesOf(metrics: string): Set<string> {
  const types = [...metrics.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  return new Set(
    types.flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

test('every series of the dashboard and the alerts is one of a real agent', () => {
  const series = seriesOf(text);
  const used = [...queries, ...rules.map(({ expr }) => expr)].flatMap(namesIn);
  expect(used.length).toBeGreaterThan(40);
  expect(used.filter((name) => !series.has(name))).toEqual([]);
});

test('every metric of an agent is on the dashboard', () => {
  const shown = new Set(queries.flatMap(namesIn).map((name) => name.replace(/_bucket$/, '')));
  const metrics = [...text.matchAll(/^# TYPE (\w+) \w+$/gm)].map(([, name = '']) => name);
  expect(metrics.filter((name) => !shown.has(name))).toEqual([]);
});

test('every alert has its runbook, and every runbook its alert', () => {
  const runbooks = readFileSync(file('docs/runbooks.md'), 'utf8');
  const sections = [...runbooks.matchAll(/^## (\w+)\n\n(.+)/gm)].map(([, name = '']) => name);
  expect(sections.sort()).toEqual(rules.map(({ alert }) => alert).sort());
  for (const { alert, annotations } of rules) {
    expect(annotations.runbook).toBe(`docs/runbooks.md#${alert.toLowerCase()}`);
  }
  const unknown = rules.filter(({ labels }) => !['warning', 'critical'].includes(labels.severity));
  expect(unknown).toEqual([]);
});

test('Prometheus takes the rules and what an agent shows', async () => {
  expect(await must([tool, 'check', 'rules', alertsPath])).toContain(`SUCCESS: ${rules.length} rules found`);
  await must([tool, 'check', 'metrics'], { input: text });
});

test('alerts fire on what they are for, and neither just below it nor on a healthy agent', async () => {
  await must([tool, 'test', 'rules', ...ruleTests]);
});

test('every alert is tried, on series of a real agent: it fires, and does not', () => {
  const series = seriesOf(text);
  const tried = ruleTests.flatMap((path) => (parse(readFileSync(path, 'utf8')) as { tests: RuleTest[] }).tests);
  const used = tried.flatMap((each) => each.input_series.flatMap((given) => namesIn(given.series)));
  expect(used.filter((name) => !series.has(name))).toEqual([]);
  const own = (alert: string) => tried.find(({ name }) => name === alert)?.promql_expr_test ?? [];
  const fires = ({ exp_samples = [] }: Expectation, alert: string) =>
    exp_samples.some(({ labels }) => labels.includes(`alertname="${alert}"`));
  for (const { alert } of rules) {
    expect(own(alert).map((expected) => fires(expected, alert))).toEqual(expect.arrayContaining([true, false]));
  }
});

test('what an alert counts from the first on is there before it', () => {
  const counts = new Set([...text.matchAll(/^podhand_calls_total(\{.+\}) 0$/gm)].map(([, labels]) => labels));
  for (const rpc of Object.keys(loadExecutorService().definition)) {
    expect(counts).toContain(`{rpc="${rpc}",code="13",reason="INTERNAL"}`);
    expect(counts).toContain(`{rpc="${rpc}",code="9",reason="AGENT_LACKS_RIGHT"}`);
  }
});

test('Prometheus takes every query of the dashboard', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'podhand-queries-'));
  const asRules = queries.map((expr, at) => ({
    record: `panel:${at}`,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
  }));
  const path = join(directory, 'queries.yaml');
  writeFileSync(path, JSON.stringify({ groups: [{ name: 'panels', rules: asRules }] }));
  expect(await must([tool, 'check', 'rules', path])).toContain(`SUCCESS: ${queries.length} rules found`);
  rmSync(directory, { recursive: true });
});
