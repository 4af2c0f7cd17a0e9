/** podhand itself failed, or was called wrongly; distinct from what a container usually exits with. */
export const failureCode = 64;
/** 128 + the signal, as a shell shows it. */
export const signalCodes = { SIGINT: 130, SIGTERM: 143 } as const;
