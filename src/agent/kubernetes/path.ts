/** A path of encoded names, with the query parameters that are not undefined; a list gives one parameter for each. */
export function pathOf(
  names: readonly string[],
  query: Readonly<Record<string, string | readonly string[] | undefined>> = {},
): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [value].flat().map((each) => `${key}=${encodeURIComponent(each)}`),
  );
  const path = `/${names.map(encodeURIComponent).join('/')}`;
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}
