import { readFileSync } from 'node:fs';
import type { PodhandError, Reason } from '../../wire/errors.ts';
import type { FormatName } from '../cli/archive-formats.ts';
import { AtomicFile } from '../files/atomic-file.ts';
import { errnoOf } from '../local-failure.ts';
import type { Plain } from '../output/plain.ts';

/** A value that was taken from a stream or a file. What is not UTF-8 is given in base64. */
export interface Value {
  readonly value: string;
  readonly encoding: 'utf-8' | 'base64';
  /** Bytes of the value, before encoding. */
  readonly bytes: number;
}

export type ResultStream = 'stdout' | 'both';

export interface CollectedResult extends Value {
  readonly container: string;
  /** `both` where the spec says so, or the executor does not tell them apart. */
  readonly stream: ResultStream;
  /** The output was longer: this is its end. */
  readonly truncated: boolean;
}

export interface CollectedParameter extends Partial<Value> {
  readonly name: string;
  readonly source: 'file' | 'default' | 'missing';
  /** Why the file was not taken. */
  readonly reason?: Reason;
  readonly message?: string;
}

export interface CollectedArtifact {
  readonly name: string;
  readonly status: 'saved' | 'skipped' | 'missing' | 'failed';
  readonly destination?: string;
  readonly format?: FormatName;
  readonly size?: number;
  readonly contentBytes?: number;
  readonly entries?: number;
  readonly sha256?: string;
  readonly leftOut?: Plain;
  readonly reason?: Reason;
  readonly message?: string;
}

export interface CollectedLog {
  readonly container: string;
  readonly destination: string;
  readonly bytes: number;
  /** Everything that the container wrote is in the file. */
  readonly complete: boolean;
  readonly reason?: Reason;
  readonly message?: string;
}

export interface CollectError {
  /** `artifact model`, `log main`, `sidecar proxy`, `wait`. */
  readonly subject: string;
  readonly reason: Reason;
  readonly message: string;
  /** It is the consequence of a container that failed or was not done, and not podhand's failure. */
  readonly excused: boolean;
}

/** What outputs.json says. */
export interface Outputs {
  readonly version: 1;
  /** False in the copy that is written before the sidecars are stopped. */
  readonly complete: boolean;
  /** Error: podhand failed. Failed: a container did. Interrupted: saved before the containers had ended. */
  readonly phase: 'Succeeded' | 'Failed' | 'Error' | 'Interrupted';
  /** sha256 of the spec. */
  readonly spec: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly pod: Plain;
  readonly executor: string;
  /** Final records, as in the contract. */
  readonly containers: readonly { readonly [key: string]: Plain }[];
  /** Containers that had not ended. */
  readonly unfinished: readonly string[];
  readonly result?: CollectedResult;
  readonly parameters: readonly CollectedParameter[];
  readonly artifacts: readonly CollectedArtifact[];
  readonly logs: readonly CollectedLog[];
  /** What it took to stop each sidecar, as in the contract. */
  readonly sidecars: readonly { readonly [key: string]: Plain }[];
  readonly errors: readonly CollectError[];
}

/** Replaces outputs.json, or fails and leaves the one that was there. */
export function writeOutputs(path: string, outputs: Outputs): void {
  using file = new AtomicFile(Buffer.from(path));
  file.write(Buffer.from(`${JSON.stringify(outputs, undefined, 2)}\n`));
  file.commit();
}

/** The outputs of an earlier run; undefined where there are none, or something else is there. */
export function readOutputs(path: string): Outputs | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    return isOutputs(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isOutputs(value: unknown): value is Outputs {
  return (
    typeof value === 'object' && value !== null && 'version' in value && value.version === 1 && 'complete' in value
  );
}

/** 64 where podhand itself failed; a container that failed is not podhand's failure. */
export function exitCodeOf({ errors }: Outputs): number {
  return errors.some(({ excused }) => !excused) ? 64 : 0;
}

/** The facts of a failure that outputs.json keeps. */
export function factsOf(error: PodhandError): { reason: Reason; message: string } {
  return { reason: error.reason, message: error.message };
}
