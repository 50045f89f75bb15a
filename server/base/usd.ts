/** A pico-dollar is a millionth of a millionth of a dollar: so that the price of one token is a whole number of them. */
const PICO_DIGITS = 12;

/** Pico-dollars as dollars in decimals, such as `0.0000045`: exact, without an exponent or zeros that say nothing. */
export function usdOf(pico: bigint): string {
  const sign = pico < 0n ? "-" : "";
  const digits = String(pico < 0n ? -pico : pico).padStart(PICO_DIGITS + 1, "0");
  const cents = digits.slice(-PICO_DIGITS).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -PICO_DIGITS)}${cents && `.${cents}`}`;
}

/** Dollars in decimals as pico-dollars; undefined for what is no such text, or finer than a pico-dollar. */
export function picoUsdOf(usd: string): bigint | undefined {
  const [isDecimal, whole = "", cents = ""] = /^(\d+)(?:\.(\d{1,12}))?$/.exec(usd) ?? [];
  return isDecimal === undefined ? undefined : BigInt(whole + cents.padEnd(PICO_DIGITS, "0"));
}
