import manifest from "../package.json" with { type: "json" };

/** slipway's own version. */
export const RELEASE: string = manifest.version;
