import type { RunContext } from "../context.ts";
import { readCatalogSignature } from "../postgres/signature.ts";
import {
  APPLYING_FINGERPRINT,
  findDeclarativeState,
  setFingerprint,
  UNKNOWN_FINGERPRINT,
} from "../records/declarative-state.ts";
import { ENGINE_VERSION } from "./engine/engine.ts";
import { readCurrent } from "./read.ts";

/**
 * Runs user migrations, which may change managed objects on purpose: what they leave, also when one of
 * them fails, is what a later run finds undrifted. Should the process die, the fingerprint stays unknown,
 * and the next run takes what it finds for what the migrations left.
 */
export async function keepingFingerprint(context: RunContext, migrate: () => Promise<void>): Promise<void> {
  const { session, records } = context;
  const state = await findDeclarativeState(records);
  if (state === undefined || state.engine !== ENGINE_VERSION) return migrate();
  if (state.fingerprint === APPLYING_FINGERPRINT) return migrate();
  const before = await readCatalogSignature(session, state);
  await setFingerprint(records, UNKNOWN_FINGERPRINT);
  try {
    await migrate();
  } finally {
    if (!session.closed.aborted) {
      await session.rollback();
      const isSame = (await readCatalogSignature(session, state)) === before;
      await setFingerprint(
        records,
        isSame ? state.fingerprint : await fingerprintNow(context, state.desired),
      );
    }
  }
}

/** The fingerprint of the declared objects as they are. */
export async function fingerprintNow(context: RunContext, desired: Uint8Array): Promise<string> {
  const engine = await context.loadEngine();
  const { declared } = engine.load(desired);
  return engine.fingerprint(await readCurrent(context, engine), declared);
}
