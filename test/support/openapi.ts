import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { expect } from "vitest";
import type { Answer, Ask, Served } from "./serve.ts";

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: "path" | "query" | "header";
    readonly required?: boolean;
    readonly schema: Readonly<Record<string, unknown>>;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

/** One operation of the document, and where it is. */
export interface Described extends Operation {
  readonly method: string;
  readonly path: string;
}

/** The API as its document describes it: what is called through it is held against it. */
export class Document {
  readonly operations: readonly Described[];
  readonly called = new Set<string>();
  readonly #served: Served;
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  readonly #validators = new Map<object, ValidateFunction>();

  private constructor(served: Served, operations: readonly Described[]) {
    this.#served = served;
    this.operations = operations;
  }

  static async read(served: Served): Promise<Document> {
    const { body } = await served.ask("/openapi.json", { token: "" });
    expect(body.openapi).toBe("3.1.0");
    const paths = body.paths as Record<string, Record<string, Operation>>;
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        ...operation,
      })),
    );
    return new Document(served, operations);
  }

  find(operationId: string): Described {
    const found = this.operations.find((operation) => operation.operationId === operationId);
    if (found === undefined) throw new Error(`the document has no operation ${operationId}`);
    return found;
  }

  /** `target` is what stands behind the path, or the whole of it where the path has parameters. */
  async call(operationId: string, ask: Ask & { readonly target?: string } = {}): Promise<Answer> {
    const operation = this.find(operationId);
    const { target = "", ...rest } = ask;
    const path = target.startsWith("/") ? target : `${operation.path}${target}`;
    const answer = await this.#served.ask(path, { method: operation.method, ...rest });
    this.called.add(operationId);
    this.expectDescribed(operation, answer);
    return answer;
  }

  /** Fails when the document does not describe this answer. */
  expectDescribed(operation: Described, { status, headers, text, body }: Answer): void {
    const described = operation.responses[String(status)];
    if (described === undefined) {
      throw new Error(`${operation.operationId} answered with ${status}, which is not described: ${text}`);
    }
    const type = (headers.get("content-type") ?? "").split(";", 1)[0] ?? "";
    const schema = described.content?.[type]?.schema;
    if (schema === undefined)
      throw new Error(`${operation.operationId} answered ${status} as ${type}: ${text}`);
    if (body === undefined) return;
    const validate = this.#validatorOf(schema);
    if (!validate(body)) {
      throw new Error(
        `${operation.operationId} ${status}: ${this.#ajv.errorsText(validate.errors)}\n${text}`,
      );
    }
  }

  #validatorOf(schema: object): ValidateFunction {
    const known = this.#validators.get(schema);
    if (known !== undefined) return known;
    const validate = this.#ajv.compile(schema);
    this.#validators.set(schema, validate);
    return validate;
  }
}
