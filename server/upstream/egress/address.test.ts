import { describe, expect, it } from "vitest";
import { ADDRESSES } from "../../test/upstream/egress-cases.ts";
import { addressDenial } from "./address.ts";

describe("an address", () => {
  it.each(ADDRESSES)("of $addresses is $reason", ({ reason, addresses }) => {
    expect(addresses.map((address) => [address, addressDenial(address)])).toEqual(
      addresses.map((address) => [address, reason]),
    );
  });
});
