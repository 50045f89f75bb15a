import { invalidField } from "../../base/fault.ts";
import { picoUsdOf, usdOf } from "../../base/usd.ts";

/** Less than one token of any model costs. */
const LEAST_AMOUNT = 1_000_000n;
const MAX_INT64 = 2n ** 63n - 1n;

/**
 * Pico-dollars, by whichever of amount and amount_usd was given. What can only be a mistake of units is told with both
 * figures. The fields are those of the message at `path`.
 */
export function readAmount(amount: bigint, amountUsd: string, path = ""): bigint {
  if (amountUsd === "") {
    if (amount >= LEAST_AMOUNT) return amount;
    const meant = `for ${amount} dollars give amount_usd: "${amount}" instead`;
    throw invalidField(`${path}amount`, `is in pico-dollars: ${amount} of them are $${usdOf(amount)}; ${meant}`);
  }
  const pico = picoUsdOf(amountUsd);
  if (pico === undefined || pico > MAX_INT64) {
    const digits = /^\d{1,19}$/.test(amountUsd)
      ? `; as pico-dollars, which go into amount, it is $${usdOf(BigInt(amountUsd))}`
      : "";
    throw invalidField(
      `${path}amount_usd`,
      `$${amountUsd} is more than $${usdOf(MAX_INT64)}, the most that there can be${digits}`,
    );
  }
  if (amount === 0n || amount === pico) return pico;
  throw invalidField(`${path}amount_usd`, `is $${amountUsd}, and amount is $${usdOf(amount)}: give one of them`);
}
