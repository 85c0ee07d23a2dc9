export function check(what, holds, why = '') {
  if (!holds) throw new Error(`not so: ${what}\n${why}`);
  console.log(`ok  ${what}`);
}
