import { describe, expect, it } from "vitest";
import { addressDenial } from "./address.ts";

describe("an address", () => {
  it.each([
    { reason: undefined, addresses: ["8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0"] },
    {
      reason: undefined,
      addresses: ["126.255.255.255", "128.0.0.1", "198.17.255.255", "198.20.0.0", "223.255.255.255"],
    },
    { reason: undefined, addresses: ["2606:4700::1111", "2a00::1", "3ffe::1", "2001:200::1", "3fff:1000::1"] },
    { reason: undefined, addresses: ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8"] },
    { reason: "ip-loopback", addresses: ["127.0.0.1", "127.255.255.255", "::1"] },
    { reason: "ip-unspecified", addresses: ["0.0.0.0", "0.255.255.255", "::"] },
    {
      reason: "ip-private",
      addresses: ["10.0.0.0", "172.16.0.0", "172.31.255.255", "192.168.0.0", "fc00::1", "fdff::1"],
    },
    { reason: "ip-linklocal", addresses: ["169.254.0.0", "169.254.255.255", "fe80::1", "fe80::1%eth0", "febf::1"] },
    { reason: "ip-cgnat", addresses: ["100.64.0.0", "100.127.255.255"] },
    { reason: "ip-metadata", addresses: ["169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.23"] },
    {
      reason: "ip-metadata",
      addresses: ["100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"],
    },
    { reason: "ip-metadata", addresses: ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::ffff:a83f:8110"] },
    { reason: "ip-multicast", addresses: ["224.0.0.1", "239.255.255.255", "ff02::1"] },
    { reason: "ip-broadcast", addresses: ["255.255.255.255"] },
    { reason: "ip-embedded-v4", addresses: ["::ffff:127.0.0.1", "::ffff:a00:1", "64:ff9b::127.0.0.1", "64:ff9b::"] },
    {
      reason: "ip-reserved",
      addresses: ["192.0.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.0", "240.0.0.1"],
    },
    {
      reason: "ip-reserved",
      addresses: ["192.88.99.1", "192.175.48.1", "192.31.196.1", "192.52.193.1", "255.255.255.254"],
    },
    {
      reason: "ip-reserved",
      addresses: ["::127.0.0.1", "::8.8.8.8", "::7f00:1", "::ffff:0:127.0.0.1", "64:ff9b:1::7f00:1"],
    },
    {
      reason: "ip-reserved",
      addresses: ["2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:2::1", "2001:10::1", "2001:20::1"],
    },
    {
      reason: "ip-reserved",
      addresses: ["2001:1::1", "2001:3::1", "2001:4:112::1", "2001:db8::1", "3fff::1", "2620:4f:8000::1"],
    },
    {
      reason: "ip-reserved",
      addresses: ["100::1", "100:0:0:1::1", "fec0::1", "4000::1", "5f00::1", "8000::1", "e000::1"],
    },
    { reason: "ip-reserved", addresses: ["", "localhost", "1.2.3.4.5", "127.1", "::g"] },
  ])("of $addresses is $reason", ({ reason, addresses }) => {
    expect(addresses.map((address) => [address, addressDenial(address)])).toEqual(
      addresses.map((address) => [address, reason]),
    );
  });
});
