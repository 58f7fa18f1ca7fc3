// By event name, the name that followed it last: a trace repeats the same few calls.

const FEW_NAMES = 64;

/** A table for the first names; {@link longerFollower} makes room for more. */
export function newFollower(): Uint16Array {
  return new Uint16Array(FEW_NAMES);
}

/** The same table with room for `name`. */
export function longerFollower(follower: Uint16Array, name: number): Uint16Array {
  let room = follower.length;
  while (room <= name) room *= 2;
  const longer = new Uint16Array(room);
  longer.set(follower);
  return longer;
}
