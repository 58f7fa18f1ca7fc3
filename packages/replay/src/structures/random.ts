// Seeded random numbers: xorshift with 32 bits of state (Marsaglia, 2003), good enough to scatter times
// and choices. Same seed, same numbers on every machine.

/** Numbers from 0 up to, but not including, 1. */
export type Random = () => number;

/** A generator for a whole number `seed`. */
export function seededRandom(seed: number): Random {
  // Neighbouring seeds are scattered, and the state must not be 0.
  let state = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) | 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 8; i++) next();
  return next;
}
