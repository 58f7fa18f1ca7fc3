/** The server cannot be reached or used as stated; the message is for people and holds no password. */
export class QueueError extends Error {
  override readonly name = 'QueueError';
}
