import type { DatabaseEnvironment } from "../commands/session.ts";
import { SlipwayError } from "../errors.ts";
import { type Authenticate, isLoopback } from "./authenticate.ts";
import { type ClusterUsers, openClusterUsers } from "./cluster-users.ts";
import { Tokens } from "./tokens.ts";

/** Who is let in. */
export interface Door extends Disposable {
  /** Undefined: everybody, on loopback. */
  readonly authenticate: Authenticate | undefined;
}

export interface DoorOptions {
  /** Everybody may do everything; only on loopback. */
  readonly insecureNoAuth: boolean;
}

/** Throws CONFIG_INVALID when nobody could be let in, and when everybody would be who shouldn't. */
export function openDoor({ config, env, log }: DatabaseEnvironment, { insecureNoAuth }: DoorOptions): Door {
  const { tokens: text, tokensFile: file, listen, kubernetesAuth } = config.serve;
  const tokens = new Tokens({ text, file }, log);
  const isGuarded = tokens.count > 0 || kubernetesAuth;
  if (!insecureNoAuth) {
    if (!isGuarded) throw nobody();
    return guarded(tokens, kubernetesAuth ? openClusterUsers(config.statusConfigMap, env, log) : undefined);
  }
  if (isGuarded) {
    const message = "--insecure-no-auth and ways to authenticate are given, which exclude each other";
    throw new SlipwayError("CONFIG_INVALID", message, { next: "leave out one of them" });
  }
  if (!isLoopback(listen.host)) {
    throw new SlipwayError("CONFIG_INVALID", `--insecure-no-auth does not go with ${listen.host}`, {
      next: "listen on 127.0.0.1, or set SLIPWAY_API_TOKENS_FILE",
    });
  }
  log.warn({ listen: listen.host }, "Nobody has to say who they are: whoever gets here may do everything");
  return { authenticate: undefined, [Symbol.dispose]: () => undefined };
}

/** Tokens of slipway's own first: the cluster is asked about others only. */
function guarded(tokens: Tokens, users: ClusterUsers | undefined): Door {
  return {
    authenticate: (token) => tokens.find(token) ?? users?.find(token),
    [Symbol.dispose]: () => users?.close(),
  };
}

function nobody(): SlipwayError {
  return new SlipwayError("CONFIG_INVALID", "there is no token by which anybody could be let in", {
    next: "put a line such as admin:$(openssl rand -hex 24) into a file and name it by SLIPWAY_API_TOKENS_FILE",
  });
}
