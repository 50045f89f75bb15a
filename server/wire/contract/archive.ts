import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { create, type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { zipSync } from "fflate";
import { printProto } from "./print-proto.ts";

const PROTO = join(import.meta.dirname, "../../../proto");
/** The same contract makes the same bytes. */
const MADE_AT = new Date("2026-01-01T00:00:00");

/** The contract of a server, to be given away: its files, and all that they import. */
export class ContractArchive {
  readonly #files: readonly DescFile[];

  constructor(files: readonly DescFile[]) {
    this.#files = inOrder(files);
  }

  /** A google.protobuf.FileDescriptorSet of everything, each file behind what it imports. */
  descriptorSet(): Uint8Array {
    return toBinary(
      FileDescriptorSetSchema,
      create(FileDescriptorSetSchema, { file: this.#files.map(({ proto }) => proto) }),
    );
  }

  /**
   * A zip whose root is the only include path that a compiler needs: our files as they are written, and those of others
   * from their descriptors. google/protobuf is not in it: every compiler brings that.
   */
  async zip(): Promise<Uint8Array> {
    const given = this.#files.filter(({ proto }) => proto.package !== "google.protobuf");
    const sources = await Promise.all(given.map(async (file) => [file.proto.name, await sourceOf(file)] as const));
    const licenses = await readFile(join(import.meta.dirname, "third-party-licenses.txt"), "utf8");
    const texts = { "README.md": README, "THIRD-PARTY-LICENSES.txt": licenses, ...Object.fromEntries(sources) };
    const entries = Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]);
    return zipSync(Object.fromEntries(entries), { mtime: MADE_AT, level: 9 });
  }
}

/** Each file once, behind what it imports. */
function inOrder(files: readonly DescFile[]): DescFile[] {
  const ordered = new Map<string, DescFile>();
  const add = (file: DescFile) => {
    if (ordered.has(file.proto.name)) return;
    for (const imported of file.dependencies) add(imported);
    ordered.set(file.proto.name, file);
  };
  for (const file of files) add(file);
  return [...ordered.values()];
}

async function sourceOf(file: DescFile): Promise<string> {
  const written = join(PROTO, file.proto.name);
  if (existsSync(written)) return readFile(written, "utf8");
  return `// ${file.proto.name}, printed from its descriptor. See THIRD-PARTY-LICENSES.txt.\n${printProto(file)}`;
}

const README = `# The contract of this Patchbay server

This folder is the only include path that a compiler needs:

    protoc -I . --python_out=out $(find . -name '*.proto')
    buf generate .    # with a buf.gen.yaml of yours

The same as one file, for tools that want descriptors, is /protos.binpb:

    buf curl --schema protos.binpb …
    grpcurl -protoset protos.binpb …
`;
