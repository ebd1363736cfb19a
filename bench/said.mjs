/** Throws unless a run said so: what took another way than the one in question has no time. */
export function requireSaid(message, run) {
  if (run.stderr.includes(message)) return run;
  throw new Error(`a measured run did not say "${message}":\n${run.stderr}`);
}
