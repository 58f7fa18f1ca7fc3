// Numbers as people read them, the same in every locale.

const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;
const TIME_UNITS = [
  { name: 'ns', ns: 1 },
  { name: 'µs', ns: 1e3 },
  { name: 'ms', ns: 1e6 },
  { name: 's', ns: 1e9 },
] as const;

/** A unit and how many base units it holds. */
export interface Unit {
  readonly name: string;
  readonly size: number;
}

/** The binary unit in which `bytes` is at least 1 (bytes for less). */
export function byteUnit(bytes: number): Unit {
  let index = 0;
  while (index < BINARY_UNITS.length - 1 && bytes >= 1024 ** (index + 1)) index++;
  return { name: BINARY_UNITS[index]!, size: 1024 ** index };
}

/** The time unit in which `ns` is at least 1 when rounded to three digits (ns for less). */
export function timeUnit(ns: number): Unit {
  const unit = TIME_UNITS.findLast(({ ns: size }) => ns >= 0.9995 * size) ?? TIME_UNITS[0];
  return { name: unit.name, size: unit.ns };
}

/** e.g. "1,234,567". */
export function formatCount(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** e.g. "1.50 MiB". */
export function formatBytes(bytes: number): string {
  const unit = byteUnit(bytes);
  return `${unit.size === 1 ? formatCount(bytes) : threeDigits(bytes / unit.size)} ${unit.name}`;
}

/** e.g. "12.3 ms"; "0" is without a unit. */
export function formatDuration(ns: number): string {
  if (ns === 0) return '0';
  const unit = timeUnit(ns);
  return `${threeDigits(ns / unit.size)} ${unit.name}`;
}

/** A modelled duration, e.g. "12 ms": two significant digits, as it rests on assumptions. */
export function formatModelled(ns: number): string {
  if (ns === 0) return '0';
  const rounded = Number(ns.toPrecision(2));
  const unit = timeUnit(rounded);
  const value = rounded / unit.size;
  return `${value < 10 ? value.toFixed(1) : formatCount(value)} ${unit.name}`;
}

/** e.g. "94.6 %"; shares that are not quite 0 or 1 do not look as if they were. */
export function formatShare(share: number): string {
  const percent = 100 * share;
  if (percent > 99.9 && percent < 100) return '>99.9 %';
  if (percent > 0 && percent < 0.05) return '<0.1 %';
  return `${percent === 0 || percent === 100 ? percent : percent.toFixed(1)} %`;
}

/** Three significant digits without exponent, e.g. "0.012", "1.20", "12.0", "1,200". */
export function threeDigits(value: number): string {
  const size = Math.abs(Number(value.toPrecision(3)));
  if (size === 0) return '0';
  if (size >= 1000) return formatCount(value);
  return value.toFixed(Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(size)))));
}
