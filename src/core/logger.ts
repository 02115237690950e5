export type LogLevel = "debug" | "info" | "warn" | "error";

/** Diagnostics of a process, one line each. */
export type Logger = (level: LogLevel, message: string) => void;
