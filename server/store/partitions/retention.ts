/** For how long what grows with time is kept; 0 is for ever. */
export interface Retention {
  /** Rows of replies. The sums of days and of Llms stay. */
  readonly usageDays: number;
  /** Changes, which those who watch can resume behind. */
  readonly changeHours: number;
  /** Events of the audit log. */
  readonly auditDays: number;
}
