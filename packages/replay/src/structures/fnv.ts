// 32-bit FNV-1a over unsigned 64-bit words, each fed as 8 bytes, least significant first.
//
// The digest of the golden vectors (test/golden/README.md). Words are doubles and exact to 2^53.

const PRIME = 16777619;

/** Digest of no words. */
export const FNV_BASIS = 2166136261;

/** Digest after one more word, a whole number from -2^53 to 2^53; negative ones as their two's complement. */
export function fnvWord(digest: number, word: number): number {
  let h = digest;
  for (let part = word >>> 0, i = 0; i < 4; i++, part >>>= 8)
    h = Math.imul(h ^ (part & 255), PRIME);
  let high = Math.floor(word / 0x1_0000_0000);
  for (let i = 0; i < 4; i++, high >>>= 8) h = Math.imul(h ^ (high & 255), PRIME);
  return h >>> 0;
}
