/** The emissary itself failed: it was called wrongly, its volume cannot be written, outputs could not be saved. */
export const failedCode = 64;
/** The emissary gave up before the command was started, for a reason that is not its own: a dependency failed. */
export const gaveUpCode = 65;

export type FailureReason =
  | 'USAGE'
  | 'VOLUME_UNUSABLE'
  | 'TEMPLATE_INVALID'
  | 'START_FAILED'
  | 'OUTPUTS_NOT_SAVED'
  | 'DEPENDENCY_FAILED'
  | 'SIGNALED_BEFORE_START'
  | 'COMMAND_NOT_FOUND'
  | 'COMMAND_NOT_EXECUTABLE'
  | 'INTERNAL';

const codes: Readonly<Partial<Record<FailureReason, number>>> = {
  DEPENDENCY_FAILED: gaveUpCode,
  COMMAND_NOT_FOUND: 127,
  COMMAND_NOT_EXECUTABLE: 126,
};

/**
 * Why no command was run, or why its result is not complete. The message says what was wrong, where, and what would
 * be right; it goes to stderr, to the termination log and into the record.
 */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly reason: FailureReason;
  readonly exitCode: number;

  constructor(reason: FailureReason, message: string, exitCode: number = codes[reason] ?? failedCode) {
    super(message);
    this.reason = reason;
    this.exitCode = exitCode;
  }

  /** Whether it is the command's fault, as a shell would say with 126 and 127. */
  get ofCommand(): boolean {
    return this.reason === 'COMMAND_NOT_FOUND' || this.reason === 'COMMAND_NOT_EXECUTABLE';
  }
}
