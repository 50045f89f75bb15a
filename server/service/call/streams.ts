import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";

/**
 * What a stream gives, each piece made into another. Neither a generator nor an async function: an rpc's messages come through
 * several of these, and each would take as long as what is done for the message.
 */
export function eachOf<From, To>(stream: AsyncIterable<From>, present: (piece: From) => To): AsyncIterable<To> {
  return {
    [Symbol.asyncIterator]() {
      const pieces = stream[Symbol.asyncIterator]();
      const presented = ({ done, value }: IteratorResult<From>): IteratorResult<To> =>
        done ? { done, value: undefined } : { done: false, value: present(value) };
      return {
        next: () => pieces.next().then(presented),
        return: async () => {
          await pieces.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/**
 * Presents what many are told once: for the same piece it gives the same message. Nobody changes it any more, and so it is
 * frozen, which the wire takes for leave to write it once, too.
 */
export function presentedOnce<Piece extends object, Type extends DescMessage>(
  type: Type,
  present: (piece: Piece) => MessageInitShape<Type>,
): (piece: Piece) => MessageShape<Type> {
  const messages = new WeakMap<Piece, MessageShape<Type>>();
  return (piece) => {
    let message = messages.get(piece);
    if (!message) {
      message = create(type, present(piece));
      Object.freeze(message);
      messages.set(piece, message);
    }
    return message;
  };
}

/** A stream that can only be opened once something else is known. */
export function openedLater<Piece>(open: () => Promise<AsyncIterable<Piece>>): AsyncIterable<Piece> {
  return {
    [Symbol.asyncIterator]() {
      let pieces: AsyncIterator<Piece> | undefined;
      const first = async () => {
        pieces = (await open())[Symbol.asyncIterator]();
        return pieces.next();
      };
      return {
        next: () => (pieces ? pieces.next() : first()),
        return: async () => {
          await pieces?.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
