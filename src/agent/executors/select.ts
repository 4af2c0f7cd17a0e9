import type { AgentConfig } from '../config/schema.ts';
import type { Executor, ExecutorName } from './roles.ts';

type Rule = AgentConfig['containerRuntimeExecutors'][number];
type Selector = Rule['selector'];
type Labels = Readonly<Record<string, string>>;

/** Kubernetes' label selector: all of matchLabels and all of matchExpressions; an empty selector matches every pod. */
export function matches(selector: Selector, labels: Labels): boolean {
  const byLabel = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return byLabel && (selector.matchExpressions ?? []).every((expression) => matchesExpression(expression, labels));
}

function matchesExpression(expression: NonNullable<Selector['matchExpressions']>[number], labels: Labels): boolean {
  const value = labels[expression.key];
  const listed = value !== undefined && (expression.values ?? []).includes(value);
  switch (expression.operator) {
    case 'In':
      return listed;
    case 'NotIn':
      return !listed;
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** The executor for a pod: the first rule whose selector matches, else `containerRuntimeExecutor`. */
export function chooseExecutor(config: AgentConfig, labels: Labels): ExecutorName {
  return (
    config.containerRuntimeExecutors.find((rule) => matches(rule.selector, labels))?.name ??
    config.containerRuntimeExecutor
  );
}

/** Every executor that the configuration can choose. */
export function configuredExecutors(config: AgentConfig): Set<ExecutorName> {
  return new Set([config.containerRuntimeExecutor, ...config.containerRuntimeExecutors.map((rule) => rule.name)]);
}

/**
 * The executor whose containers role feeds the store. pns knows all that its source knows, and the exits earlier, so
 * where both are in force it is pns; emissary passes on what it stands on, and adds to its own pods only.
 */
export function feeder(executors: ReadonlyMap<ExecutorName, Executor>): Executor {
  const chosen = executors.get('emissary') ?? executors.get('pns') ?? [...executors.values()][0];
  if (chosen === undefined) throw new Error('no executor is configured');
  return chosen;
}
