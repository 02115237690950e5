/** Thrown for wrong usage. The message says what was expected. */
export class UsageError extends Error {}
