import { Migration } from "@mikro-orm/migrations";

/** Appending to a chain of audit events by its name: any statement can do it, and its errors say where they come from. */
export class Migration20261125080000_append_audit_event extends Migration {
  override up(): void {
    this.addSql(`
      create function append_audit_event(chain_of uuid, event text) returns void language plpgsql as $$
      declare
        next_sequence bigint;
        next_hash bytea;
      begin
        insert into audit_chain as chain (account_id, sequence, hash)
          values (chain_of, 1, sha256(convert_to('1' || chr(10) || event, 'UTF8')))
          on conflict (account_id) do update set
            sequence = chain.sequence + 1,
            hash = sha256(chain.hash || convert_to((chain.sequence + 1) || chr(10) || event, 'UTF8'))
          returning sequence, hash into next_sequence, next_hash;
        insert into audit_event (account_id, sequence, record, hash)
          values (chain_of, next_sequence, event::json, next_hash);
      end $$`);
  }
}
