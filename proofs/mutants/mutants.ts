import { DOMAIN } from "./lists/domain.ts";
import { EGRESS } from "./lists/egress.ts";
import { SERVICE } from "./lists/service.ts";
import { STORE } from "./lists/store.ts";
import { UPSTREAM } from "./lists/upstream.ts";
import type { Mutant } from "./mutant.ts";

/** Each must be noticed by a test: what is not noticed is a rule that nobody would miss. */
export const LISTS: Readonly<Record<string, readonly Mutant[]>> = {
  egress: EGRESS,
  domain: DOMAIN,
  store: STORE,
  service: SERVICE,
  upstream: UPSTREAM,
};

/** All of them; a process is told by its place in this list which one it is to run as. */
export const MUTANTS: readonly Mutant[] = Object.values(LISTS).flat();
