import { randomBytes } from 'node:crypto';
import type { Kubectl } from './kubectl.ts';

/** A rule of RBAC, as in a ClusterRole. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** The shortest life that the API server gives a token. */
const shortestSeconds = 600;

/** An account that may do what its rules say, all over the cluster, and nothing else. */
export class ServiceAccount {
  readonly name: string;
  readonly namespace: string;
  readonly #kubectl: Kubectl;

  private constructor(kubectl: Kubectl, name: string, namespace: string) {
    this.#kubectl = kubectl;
    this.name = name;
    this.namespace = namespace;
  }

  static async create(
    kubectl: Kubectl,
    rules: readonly PolicyRule[],
    options: { name?: string; namespace?: string } = {},
  ): Promise<ServiceAccount> {
    const { name = `account-${randomBytes(4).toString('hex')}`, namespace = 'default' } = options;
    const apiGroup = 'rbac.authorization.k8s.io';
    const objects = [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
      { apiVersion: `${apiGroup}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
      {
        apiVersion: `${apiGroup}/v1`,
        kind: 'ClusterRoleBinding',
        metadata: { name },
        roleRef: { apiGroup, kind: 'ClusterRole', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      },
    ];
    await kubectl.must(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    return new ServiceAccount(kubectl, name, namespace);
  }

  /** A token of the API server's, as a pod would get it projected; ten minutes is the shortest. */
  async token(options: { seconds?: number; audiences?: readonly string[] } = {}): Promise<string> {
    const { seconds = shortestSeconds, audiences } = options;
    const wanted = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: seconds, ...(audiences === undefined ? {} : { audiences }) },
    };
    const path = `/api/v1/namespaces/${this.namespace}/serviceaccounts/${this.name}/token`;
    const answer = await this.#kubectl.must(['create', '--raw', path, '-f', '-'], JSON.stringify(wanted));
    return (JSON.parse(answer) as { status: { token: string } }).status.token;
  }

  async remove(): Promise<void> {
    const common = ['--ignore-not-found', '--wait=false'];
    await this.#kubectl.must(['delete', 'clusterrolebinding,clusterrole', this.name, ...common]);
    await this.#kubectl.must(['delete', 'serviceaccount', this.name, `--namespace=${this.namespace}`, ...common]);
  }
}
