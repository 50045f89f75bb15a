import type { Mutant } from "../mutant.ts";

const TESTS = { files: ["server/upstream/egress"] };
const mutantOf = (file: string) => (rule: string, from: string, to: string) =>
  ({ rule, file: `server/upstream/egress/${file}`, from, to, tests: TESTS }) satisfies Mutant;

const address = mutantOf("address.ts");
const allowRule = mutantOf("allow-rule.ts");
const checkUrl = mutantOf("check-url.ts");
const connect = mutantOf("guarded-connect.ts");
const denial = mutantOf("denial.ts");
const egress = mutantOf("egress.ts");
const exchange = mutantOf("exchange.ts");
const failure = mutantOf("network-failure.ts");
const pools = mutantOf("pools.ts");

const METADATA = [
  ...["169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.23", "100.100.100.200", "192.0.0.192"],
  ...["168.63.129.16", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"],
];

/** The guard of outbound connections with one rule dropped or loosened. */
export const EGRESS: readonly Mutant[] = [
  // Which addresses are public.
  ...METADATA.map((listed) => address(`${listed} is a metadata service`, `    "${listed}",`, "")),
  ...["unspecified", "loopback", "linkLocal", "carrierGradeNat", "multicast", "broadcast"].map((range) =>
    address(`${range} addresses are closed`, `  ${range}: "`, `  ${range}: undefined && "`),
  ),
  address("private addresses are closed", '  private: "ip-private"', "  private: undefined"),
  address("unique local addresses are closed", '  uniqueLocal: "ip-private"', "  uniqueLocal: undefined"),
  address(
    "ranges without a name of ours are closed",
    ': "ip-reserved";\n}\n\nfunction emb',
    ": undefined;\n}\n\nfunction emb",
  ),
  address(
    "what is no address is closed",
    'if (parsed === undefined) return "ip-reserved"',
    "if (parsed === undefined) return undefined",
  ),
  address("IPv4-mapped addresses are judged as IPv4", "if (v6.isIPv4MappedAddress())", "if (false)"),
  address("NAT64 addresses are judged as IPv4", "if (v6.match(NAT64 as [ipaddr.IPv6, number]))", "if (false)"),
  address(
    "an embedded private address is closed",
    'reason === "ip-metadata" ? reason : "ip-embedded-v4"',
    'reason === "ip-metadata" ? reason : undefined',
  ),
  address(
    "an embedded metadata address is one",
    'reason === undefined || reason === "ip-metadata" ? reason',
    "reason === undefined ? reason",
  ),
  address("only 2000::/3 is global", "if (!isGlobal)", "if (false)"),
  address(
    "no prefix of NAT64 leads to metadata",
    'return isMetadata(address) ? "ip-metadata" : undefined;\n}',
    "return undefined;\n}",
  ),
  ...["12, 13, 14, 15", "9, 10, 11, 12", "7, 9, 10, 11", "6, 7, 9, 10", "5, 6, 7, 9", "4, 5, 6, 7", "2, 3, 4, 5"].map(
    (places) => address(`metadata at the bytes ${places} is found`, `  [${places}],\n`, ""),
  ),
  address("Teredo's metadata is found", "[bytes, inverted].some", "[bytes].some"),
  address(
    "::8.8.8.8 is not ::ffff:8.8.8.8",
    "isIPv6(bare) ? ipaddr.IPv6.parse(",
    "isIPv6(bare) ? ipaddr.IPv6.parse(bare) ?? (",
  ),
  address("a zone is no part of an address", 'address.replace(/%.*$/, "")', "address"),

  // What the operator opens.
  allowRule("a rule is for one port", " && rule.port === port", ""),
  allowRule("a rule is for one scheme", "rule.protocol === protocol && ", ""),
  allowRule("a wildcard has a dot before it", "suffix: name.slice(1)", "suffix: name.slice(2)"),
  allowRule("a name is the whole name", "return rule.name === host", "return host.startsWith(rule.name)"),
  allowRule("a network ends", "rule.prefixLength] as never", "Math.max(0, rule.prefixLength - 2)] as never"),
  allowRule(
    "a network is not opened by a name like it",
    "address?.kind() === network.kind() &&",
    "host.startsWith(rule.network.slice(0, -1)) ||",
  ),
  allowRule("metadata is not to be listed", "if (prefixLength === bits && isMetadata(host))", "if (false)"),
  allowRule("a listed origin has no path", "(?<port>\\d{1,5}))?$/i", "(?<port>\\d{1,5}))?(?:\\/.*)?$/i"),
  allowRule(
    "a wildcard is not everything",
    'name.startsWith("*.") && NAME.test(name.slice(2))',
    'name.startsWith("*")',
  ),

  // What a URL may look like.
  checkUrl(
    "other schemes are closed",
    'if (url.protocol !== "https:" && (url.protocol !== "http:" || rule === undefined)) return "scheme"',
    'if (url.protocol !== "https:" && url.protocol !== "http:") return "scheme"',
  ),
  checkUrl(
    "schemes are checked",
    'if (url.protocol !== "https:" && (url.protocol !== "http:" || rule === undefined)) return "scheme";',
    "",
  ),
  checkUrl("an empty userinfo is one", "/^[a-z]+:\\/\\/[^/?#\\\\]*@/i.test(raw) || ", ""),
  checkUrl("userinfo is closed", 'url.username !== "" || url.password !== ""', "false"),
  checkUrl(
    "a URL has two slashes and a host behind",
    "const isPlain = /^https?:\\/\\/[^/?#\\\\]/i.test(raw) && ",
    "const isPlain = ",
  ),
  checkUrl("white space is closed", "[\\s\\p{Cc}\\\\?#]/u.test(raw)", "[\\p{Cc}\\\\?#]/u.test(raw)"),
  checkUrl("a backslash is closed", "[\\s\\p{Cc}\\\\?#]/u.test(raw)", "[\\s\\p{Cc}?#]/u.test(raw)"),
  checkUrl("a query is closed", "[\\s\\p{Cc}\\\\?#]/u.test(raw)", "[\\s\\p{Cc}\\\\#]/u.test(raw)"),
  checkUrl("a fragment is closed", "[\\s\\p{Cc}\\\\?#]/u.test(raw)", "[\\s\\p{Cc}\\\\?]/u.test(raw)"),
  checkUrl("dot segments are closed", "hasDotSegment(raw) || ", ""),
  checkUrl("encoded dots are dots", '.replace(/%2e/gi, ".")', ""),
  checkUrl("encoded slashes are slashes", "/\\/|%2f|%5c/i", "/\\//i"),
  checkUrl("parameters do not hide a dot segment", "(;.*)?$/.test(segment)", "$/.test(segment)"),
  checkUrl("a URL is short", " || Buffer.byteLength(raw) > MAX_URL_BYTES) return", ") return"),
  checkUrl(
    "a length is in bytes",
    "Buffer.byteLength(raw) > MAX_URL_BYTES) return",
    "raw.length > MAX_URL_BYTES) return",
  ),
  checkUrl("ports of other protocols are closed", "if (DENIED_PORTS.has(port))", "if (false)"),
  checkUrl("names of the inside are closed", "isAddress || isPublicName(host)", "true"),
  checkUrl("a public name has a dot", "if (labels.length < 2 || ", "if ("),
  checkUrl("a name's labels are well-formed", " || !labels.every((label) => LABEL.test(label))", ""),
  checkUrl("a name is short", " || host.length > 253", ""),
  checkUrl("localhost is a name of the inside", '["localhost", "localdomain"', '["localdomain"'),
  checkUrl(
    "home.arpa, of two labels, is a name of the inside",
    '!DENIED_SUFFIXES.has(labels.slice(-2).join("."))',
    "true",
  ),
  checkUrl(
    "a trailing dot hides no name",
    'const host = url.hostname.replace(/\\.$/, "");\n  const port',
    "const host = url.hostname;\n  const port",
  ),
  checkUrl(
    "an address in the URL is judged",
    "isAddress ? addressDenialUnder(rule, bare(host)) : undefined",
    "undefined",
  ),
  checkUrl(
    "a rule opens no metadata service",
    'return isMetadata(address) ? "ip-metadata" : undefined;',
    "return undefined;",
  ),
  checkUrl("only a rule opens an address", "if (rule === undefined) return addressDenial(address);", ""),

  // Which sockets are opened.
  connect(
    "an address in the URL is judged before connecting",
    "isIP(asked.hostname) === 0 ? undefined : deny([asked.hostname])",
    "undefined",
  ),
  connect("what a name resolves to is judged", "if (denied !== undefined) return callback(denied, []);", ""),
  connect(
    "every address of a name is judged",
    "addresses.map((address) => addressDenialUnder(rule, address))",
    "addresses.slice(0, 1).map((address) => addressDenialUnder(rule, address))",
  ),
  connect(
    "a name without an address is closed",
    'if (addresses.length === 0) return new EgressDenied("dns-empty");',
    "",
  ),
  connect(
    "the socket's own address is judged",
    "if (deniedNow === undefined) return callback(null, socket);",
    "return callback(null, socket);",
  ),
  connect("a socket that went astray is destroyed", "      socket.destroy();\n", ""),
  connect("connecting has a deadline", "    timeout: connectMs,\n", ""),
  connect("no setting turns the check of certificates off", "    rejectUnauthorized: true,\n", ""),

  // What is sent.
  egress(
    "framing is ours",
    "if (Object.keys(call.headers).some((name) => FRAMING.has(name.toLowerCase()))) throw unsendable();",
    "",
  ),
  egress("no compression is asked for", ', "accept-encoding": "identity" }', " }"),
  egress("a call that was left is not made", "    call.signal.throwIfAborted();\n", ""),

  // What is taken for an answer.
  exchange("redirects are errors", "if (this.status >= 300 && this.status < 400)", "if (false)"),
  exchange("headers are few", "if (rawHeaders > limits.headerCount * 2)", "if (false)"),
  exchange("what is compressed is refused", 'if (String(encoding).toLowerCase() !== "identity")', "if (false)"),
  exchange("a body is short", "if (this.#receivedBytes > this.#maxBytes)", "if (false)"),
  exchange(
    "a body that is read whole is shorter",
    "streamed ? limits.streamBytes : limits.bodyBytes",
    "limits.streamBytes",
  ),
  exchange("a text is as short as the caller says", "if (bytes.length <= maxBytes) continue;", "continue;"),
  exchange(
    "a head that promises too much is refused",
    'if (Number(this.headers["content-length"] ?? 0) > this.#maxBytes) return tooLarge(this.status);',
    "",
  ),
  exchange("the first byte has a deadline", "new Deadline(firstPieceMs,", "new Deadline(2_000_000_000,"),
  exchange("silence has a deadline", "    } else {\n      this.#waitForMore();\n    }", "    }"),
  exchange(
    "silence behind a slow reader has a deadline",
    "      this.#waitForMore();\n      this.#controller.resume();",
    "      this.#controller.resume();",
  ),
  exchange("a call has a deadline", "firstPieceMs, wholeMs, () =>", "firstPieceMs, Number.MAX_SAFE_INTEGER, () =>"),
  exchange("a slow reader holds the endpoint back", "if (this.#waitingBytes > HIGH_WATER_BYTES)", "if (false)"),
  exchange("a finished body has little more to say", "if (this.#receivedBytes > DRAIN_BYTES) this.#fail(left());", ""),
  exchange(
    "a finished body ends soon",
    "this.#deadline.wait(DRAIN_MS)",
    "this.#deadline.wait(Number.POSITIVE_INFINITY)",
  ),
  exchange("a failed call is closed", "    this.#controller?.abort(asError(error));\n", ""),

  // What is told.
  failure("a header's value is not told", 'if (code === "UND_ERR_INVALID_ARG") return unsendable();', ""),
  failure(
    "a closed port looks like any other",
    "if (!VENDORS.has(host)) return UNREACHABLE;",
    'if (!VENDORS.has(host)) return code === "ECONNREFUSED" ? "the port is closed" : UNREACHABLE;',
  ),
  failure(
    "a name that leads inside looks like any other",
    'return new UpstreamFailure("unreachable", unreachableSentence(new URL(origin).host, code, rule), {}, error);',
    'return new UpstreamFailure("unreachable", error.name === "EgressDenied" ? error.message : UNREACHABLE, {}, error);',
  ),
  denial("the refusal names the setting", " (setting EGRESS_ALLOW)", ""),
  denial("the refusal names what to list", "{parsed?.origin}", '{"it"}'),

  // Who shares a connection.
  pools("owners share no connection", "{ownerId} ", '{""} '),
  pools("a head is short", "      maxHeaderSize: limits.headerBytes,\n", ""),
  pools(
    "unused connections are closed",
    "      if (entry.idleSince > before) return;\n      this.#close(entry);\n",
    "",
  ),
  pools("few unused pools are kept", "if (this.#entries.size >= this.#options.limits.idlePools && ", "if (false && "),
  pools(
    "a pool in use is not closed",
    "const [longest] = this.#idle.values();",
    "const [longest] = this.#entries.values();",
  ),
];
