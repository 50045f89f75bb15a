/** A copy of an object without the members that are undefined. In a loop: by entries, it takes five times as long. */
export function known<Type extends object>(object: { [Name in keyof Type]: Type[Name] | undefined }): Type {
  const result = {} as Type;
  for (const name in object) if (object[name] !== undefined) result[name] = object[name] as Type[typeof name];
  return result;
}
