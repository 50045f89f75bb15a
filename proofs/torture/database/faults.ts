import { setTimeout as pause } from "node:timers/promises";
import type { Random } from "../../../server/test/hostile/random.ts";
import type { OwnPostgres } from "../own-postgres.ts";
import type { TcpProxy } from "../tcp-proxy.ts";

/** What faults are done to. */
export interface Victim {
  readonly postgres: OwnPostgres;
  readonly proxy: TcpProxy;
  readonly random: Random;
  /** Writes the password that the server reads. */
  setPassword(password: string): void;
}

/** Does harm, lets it last, and heals it; resolves when the database is well again. */
export type Fault = (victim: Victim) => Promise<void>;

const lasting = ({ random }: Victim) => pause(500 + random.below(4_500));

/** What needs locks of many tables at once may be the one that PostgreSQL picks to end a deadlock; it is done again. */
async function insist(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      return void (await work());
    } catch (error) {
      if ((error as { code?: string }).code !== "40P01") throw error;
    }
  }
}

/** Bad days of a database. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  async "kill the server"({ postgres, random }) {
    await postgres.kill();
    await pause(random.below(2_000));
    await postgres.start();
  },

  async "kill a session"({ postgres }) {
    await postgres.killSession();
    await postgres.start();
  },

  async "terminate sessions"(victim) {
    for (let times = 1 + victim.random.below(5); times > 0; times--) {
      await victim.postgres.administer(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'patchbay%'",
      );
      await pause(victim.random.below(300));
    }
  },

  async "terminate busy sessions"(victim) {
    for (let times = 20; times > 0; times--) {
      await victim.postgres.administer(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'patchbay' and (state like '%transaction%' or state = 'active')`,
      );
      await pause(victim.random.below(50));
    }
  },

  async stall(victim) {
    victim.postgres.signalAll("SIGSTOP");
    await lasting(victim);
    victim.postgres.signalAll("SIGCONT");
  },

  async "half open"(victim) {
    victim.proxy.set("half-open");
    await lasting(victim);
    victim.proxy.set("pass");
  },

  async "black hole"(victim) {
    victim.proxy.set("blackhole");
    await lasting(victim);
    victim.proxy.set("pass");
  },

  async reset({ proxy, random }) {
    for (let times = 1 + random.below(5); times > 0; times--) {
      proxy.set("reset");
      await pause(random.below(400));
    }
  },

  async drop(victim) {
    victim.proxy.set("drop");
    await lasting(victim);
    victim.proxy.set("pass");
  },

  async latency(victim) {
    victim.proxy.set("latency");
    await lasting(victim);
    victim.proxy.set("pass");
  },

  async "read only"(victim) {
    const { postgres } = victim;
    const reload = (setting: string) =>
      postgres.administer(`alter system ${setting}`).then(() => postgres.administer("select pg_reload_conf()"));
    await reload("set default_transaction_read_only = on");
    await lasting(victim);
    await reload("reset default_transaction_read_only");
  },

  async "read only for new sessions"(victim) {
    const { postgres } = victim;
    await postgres.administer("alter database patchbay set default_transaction_read_only = on");
    await postgres.administer("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'patchbay'");
    await lasting(victim);
    await postgres.administer("alter database patchbay reset default_transaction_read_only");
  },

  async "no connections"(victim) {
    const { postgres } = victim;
    await postgres.administer("alter database patchbay allow_connections false");
    await postgres.administer("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'patchbay'");
    await lasting(victim);
    await postgres.administer("alter database patchbay allow_connections true");
  },

  async "another password"(victim) {
    const { postgres, random } = victim;
    const password = `password-${random.below(1e9)}`;
    await postgres.administer(`alter role postgres password '${password}'`);
    postgres.password = password;
    await postgres.administer("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'patchbay'");
    await pause(random.below(2_000));
    victim.setPassword(password);
  },

  /** As a full disk does it: whatever needs room is refused, and what is there is read. */
  async "no room"(victim) {
    const { postgres } = victim;
    await postgres.administer(
      `create function no_room() returns trigger language plpgsql as $$
       begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`,
      "patchbay",
    );
    for (const table of ["reply_usage", "write_probe", "change"]) {
      await postgres.administer(
        `create trigger no_room before insert on ${table} for each row execute function no_room()`,
        "patchbay",
      );
    }
    await lasting(victim);
    await insist(() => postgres.administer("drop function no_room() cascade", "patchbay"));
  },
};
