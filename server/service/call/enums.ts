import type { DescEnum, EnumShape } from "@bufbuild/protobuf";

/** The word for a value of an enum whose words the domain shares; undefined for "unspecified". */
export function nameOf<Name extends string>(type: DescEnum, number: number): Name | undefined {
  return number === 0 ? undefined : (type.value[number]?.name as Name | undefined);
}

/** The value for a word; "unspecified" for one that the contract does not have. */
export function numberOf<Type extends DescEnum>(type: Type, name: string): EnumShape<Type> {
  return (type.values.find((value) => value.name === name)?.number ?? 0) as EnumShape<Type>;
}
