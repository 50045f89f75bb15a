import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Zstandard for connect's protocols, which bring gzip and Brotli only. */
export const compressionZstd: Compression = {
  name: "zstd",

  async compress(bytes) {
    return new Uint8Array(await compress(bytes));
  },

  async decompress(bytes, readMaxBytes) {
    if (bytes.length === 0) return new Uint8Array(0);
    try {
      return new Uint8Array(await decompress(bytes, { maxOutputLength: readMaxBytes }));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_BUFFER_TOO_LARGE") {
        throw new ConnectError("decompression failed", Code.InvalidArgument, undefined, undefined, error);
      }
      const message = `message is larger than ${readMaxBytes} bytes after decompression`;
      throw new ConnectError(message, Code.ResourceExhausted, undefined, undefined, error);
    }
  },
};
