import type { AgentConfig } from '../agent/config/schema.ts';

/** What a check has found. */
export interface Finding {
  readonly ok: boolean;
  /** The fact, in a few words. */
  readonly found: string;
  /** Where not ok: what is lost, or what to do. */
  readonly remedy?: string;
}

/** One thing that an executor wants of its node. It changes nothing, and ends within `signal`. */
export interface Check {
  readonly name: string;
  run(config: AgentConfig, signal: AbortSignal): Finding | Promise<Finding>;
}

/** A check in an executor's list: without what is `required` the executor cannot run, without the rest it does less. */
export interface Listed {
  readonly check: Check;
  required(config: AgentConfig): boolean;
}

export const required = (check: Check): Listed => ({ check, required: () => true });
export const wished = (check: Check): Listed => ({ check, required: () => false });
export const requiredIf = (check: Check, condition: (config: AgentConfig) => boolean): Listed => ({
  check,
  required: condition,
});
