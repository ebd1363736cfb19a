/** A value with its dates and bigints as JSON has them. */
export function toJson<Body>(value: unknown): Body {
  const text = JSON.stringify(value, (_, each: unknown) =>
    typeof each === "bigint" ? each.toString() : each,
  );
  return JSON.parse(text) as Body;
}
