const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};
export const SIZE_EXPECTED = "a size such as 512MiB, 10GiB or 2GB, or a number of bytes";

/** Reads `10GiB`, `1.5GB`, `4096` (bytes). Returns bytes, or undefined when it is not a size. */
export function parseSize(value: string | number): number | undefined {
  const [, amount, unit = "b"] = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?b)?$/i.exec(String(value).trim()) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  if (amount === undefined || factor === undefined) return undefined;
  const bytes = Math.round(Number(amount) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** `12 B`, `4.0 KiB`, `1.5 GiB`. */
export function formatSize(bytes: number): string {
  const unit = ["tib", "gib", "mib", "kib"].find((one) => bytes >= UNITS[one]!);
  if (!unit) return `${bytes} B`;
  return `${(bytes / UNITS[unit]!).toFixed(1)} ${unit[0]!.toUpperCase()}iB`;
}
