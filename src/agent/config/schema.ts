import { z } from 'zod';
import { parseBytes, parseDuration } from '../../wire/quantity.ts';

/** Accepts `10s`, `1m30s`, `0`; gives milliseconds. */
const duration = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const parsed = parseDuration(text);
      if (parsed !== undefined) return parsed;
      context.addIssue({ code: 'custom', message: `not a duration: "${text}" (such as 500ms, 10s, 1m30s)` });
      return z.NEVER;
    });

/** Accepts a number of bytes or a quantity such as `64Ki`; gives bytes. */
const bytes = (fallback: string) =>
  z
    .union([z.string(), z.number().int().nonnegative()])
    .default(fallback)
    .transform((value, context) => {
      const parsed = typeof value === 'number' ? value : parseBytes(value);
      if (parsed !== undefined) return parsed;
      context.addIssue({ code: 'custom', message: `not a quantity of bytes: "${value}" (such as 65536, 64Ki, 1Gi)` });
      return z.NEVER;
    });

const count = (fallback: number, least = 1) => z.coerce.number().int().min(least).default(fallback);
const absolute = (fallback: string) =>
  z
    .string()
    .startsWith('/', 'must be an absolute path')
    .refine((path) => !path.split('/').includes('..'), 'must not contain ".."')
    .default(fallback);
const flag = (fallback: boolean) => z.union([z.boolean(), z.stringbool()]).default(fallback);
/** A volume's name: a DNS label. */
const volumeName = z.string().regex(/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/, 'must be the name of a volume');
const argv = z.array(z.string()).optional();

const executorName = z.enum(['docker', 'kubelet', 'k8sapi', 'pns', 'emissary']);
const podSource = z.enum(['node-logs', 'docker', 'kubelet', 'k8sapi']);
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';
const https = z
  .string()
  .regex(/^(https:\/\/[^/\s]+)?$/, 'must be https://HOST:PORT')
  .default('');

const labelSelector = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).optional(),
  matchExpressions: z
    .array(
      z.strictObject({
        key: z.string().min(1),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).optional(),
      }),
    )
    .optional(),
});

export const mountKinds = [
  'rootfs',
  'emptyDir',
  'volume',
  'tmpfs',
  'runtimeFile',
  'hostPath',
  'secret',
  'configMap',
  'projected',
  'downwardAPI',
  'csi',
] as const;

/**
 * The agent's configuration file. The keys `containerRuntimeExecutor`, `containerRuntimeExecutors` and `images` have
 * the names and meaning that workflow controllers give them. Every key has a default; docs/configuration.md lists them.
 */
export const configSchema = z.strictObject({
  containerRuntimeExecutor: executorName.default('pns'),
  containerRuntimeExecutors: z.array(z.strictObject({ name: executorName, selector: labelSelector })).default([]),
  nodeName: z.string().default(''),
  runDir: absolute('/run/podhand'),
  stateDir: absolute('/var/lib/podhand'),
  drain: duration('10s'),
  docker: z
    .strictObject({
      socket: absolute('/var/run/docker.sock'),
      containersDir: absolute('/var/lib/docker/containers'),
      logs: z.enum(['engine', 'files']).default('engine'),
    })
    .prefault({}),
  pns: z
    .strictObject({ podSource: podSource.default('node-logs'), logs: z.enum(['node', 'api']).default('node') })
    .prefault({}),
  emissary: z
    .strictObject({
      podSource: podSource.default('kubelet'),
      volumes: z.array(volumeName).min(1).max(8).default(['var-run-argo', 'podhand']),
      hold: flag(false),
      collectWithin: duration('5s'),
      binary: z.union([z.literal(''), z.string().startsWith('/', 'must be an absolute path')]).default(''),
    })
    .prefault({}),
  nodeLogs: z
    .strictObject({ podsDir: absolute('/var/log/pods'), containersDir: absolute('/var/log/containers') })
    .prefault({}),
  cgroup: z
    .strictObject({
      mount: absolute('/sys/fs/cgroup'),
      roots: z
        .array(z.string().startsWith('/'))
        .min(1)
        .default(['/kubepods', '/kubepods.slice', '/docker', '/system.slice']),
    })
    .prefault({}),
  kubelet: z
    .strictObject({
      directory: absolute('/var/lib/kubelet'),
      url: https,
      caFile: absolute(`${serviceAccount}/ca.crt`),
      tokenFile: absolute(`${serviceAccount}/token`),
      pollInterval: duration('1s'),
    })
    .prefault({}),
  k8sapi: z
    .strictObject({
      url: https,
      caFile: absolute(`${serviceAccount}/ca.crt`),
      tokenFile: absolute(`${serviceAccount}/token`),
      nodeAccess: flag(true),
    })
    .prefault({}),
  sockets: z
    .strictObject({
      volumes: z.array(volumeName).max(8).default(['podhand']),
      hostPath: flag(true),
      checkEvery: duration('1s').refine((ms) => ms >= 100, 'must be 100ms or more'),
      pods: count(1024),
    })
    .prefault({}),
  callers: z.strictObject({ witness: z.enum(['cgroup', 'none']).default('cgroup') }).prefault({}),
  pods: z.strictObject({ forgetAfter: duration('60s') }).prefault({}),
  hold: z.strictObject({ afterExit: duration('10m'), perPod: count(32), perNode: count(512) }).prefault({}),
  mounts: z
    .strictObject({
      allow: z.array(z.enum(mountKinds)).default(['rootfs', 'emptyDir', 'volume', 'tmpfs', 'runtimeFile']),
    })
    .prefault({}),
  images: z.record(z.string(), z.strictObject({ command: argv, args: argv, entrypoint: argv, cmd: argv })).default({}),
  imageStores: z
    .strictObject({
      containerd: absolute('/var/lib/containerd/io.containerd.content.v1.content'),
      docker: absolute('/var/lib/docker/image'),
    })
    .prefault({}),
  records: z.strictObject({ keep: duration('24h'), maxRecords: count(10_000), events: flag(false) }).prefault({}),
  limits: z
    .strictObject({
      fileBytes: bytes('1Gi'),
      treeBytes: bytes('4Gi'),
      treeEntries: count(150_000),
      treeDepth: count(128),
      connectionsPerPod: count(64),
      connections: count(1024),
      connectionsPerSecondPerPod: count(20),
      handshake: duration('5s'),
      request: duration('10s').refine((ms) => ms >= 10, 'must be 10ms or more'),
      idle: duration('5m').refine((ms) => ms >= 10, 'must be 10ms or more'),
      connectionMemory: bytes('64Mi'),
      streamsPerPod: count(64),
      streams: count(2048),
      callsPerSecondPerPod: count(100),
      callBurstPerPod: count(200),
      readersPerPod: count(2),
      readers: count(8),
      transferRate: bytes('1Mi'),
    })
    .prefault({}),
  metrics: z.strictObject({ listen: z.string().default('') }).prefault({}),
  tracing: z
    .strictObject({
      endpoint: z
        .string()
        .regex(/^(https?:\/\/[^\s?#]+)?$/, 'must be http://HOST:PORT or https://HOST:PORT')
        .default(''),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
      audit: flag(true),
    })
    .prefault({}),
});

export type AgentConfig = Readonly<z.infer<typeof configSchema>>;
export type Limits = AgentConfig['limits'];
