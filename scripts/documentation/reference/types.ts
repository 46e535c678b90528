/**
 * Types and signatures as HTML with links.
 *
 * @module
 */

import { escape } from "../html.ts";
import type { FunctionNode, Member, Members, Parameter, TypeNode, TypeParameter } from "./nodes.ts";

/** The address of the page of a name; undefined where it has none. */
export type Find = (name: string) => string | undefined;

/** A name with the link to its page. */
function linked(name: string, find: Find): string {
  const address = find(name);
  return address === undefined ? escape(name) : `<a href="${escape(address)}">${escape(name)}</a>`;
}

/** Where a type is part of another that would tear it apart, it stands in parentheses. */
const LOOSE: readonly string[] = ["union", "intersection", "fnOrConstructor", "typeOperator"];
function tight(node: TypeNode, find: Find): string {
  const text = typeHtml(node, find);
  return LOOSE.includes(node.kind) ? `(${text})` : text;
}

const list = (nodes: readonly TypeNode[], find: Find, between: string) =>
  nodes.map((node) => typeHtml(node, find)).join(between);

/** A type as HTML. */
export function typeHtml(node: TypeNode, find: Find): string {
  switch (node.kind) {
    case "keyword":
      return escape(node.repr);
    case "typeQuery":
      return `typeof ${linked(node.repr, find)}`;
    case "literal": {
      const isText = "value" in node && node.value.kind === "string";
      return escape(isText ? JSON.stringify(node.repr) : node.repr);
    }
    case "typeRef": {
      const { typeName, typeParams = [] } = node.value;
      const inner = typeParams.length === 0 ? "" : `&lt;${list(typeParams, find, ", ")}&gt;`;
      return linked(typeName, find) + inner;
    }
    case "union":
      return list(node.value, find, " | ");
    case "intersection":
      return list(node.value, find, " &amp; ");
    case "tuple":
      return `[${list(node.value, find, ", ")}]`;
    case "array":
      return `${tight(node.value, find)}[]`;
    case "parenthesized":
      return `(${typeHtml(node.value, find)})`;
    case "optional":
      return `${typeHtml(node.value, find)}?`;
    case "rest":
      return `...${typeHtml(node.value, find)}`;
    case "typeOperator":
      return `${node.value.operator} ${typeHtml(node.value.tsType, find)}`;
    case "indexedAccess":
      return `${tight(node.value.objType, find)}[${typeHtml(node.value.indexType, find)}]`;
    case "fnOrConstructor": {
      const { constructor: isNew, params, tsType } = node.value;
      return `${isNew ? "new " : ""}(${parameters(params, find).join(", ")}) =&gt; ${
        typeHtml(tsType, find)
      }`;
    }
    case "typeLiteral":
      return literal(node.value, find);
    default:
      throw new Error(`no known type: ${JSON.stringify(node)}`);
  }
}

function literal(members: Members, find: Find): string {
  const parts = [
    ...(members.properties ?? []).map((member) => propertyHtml(member, find)),
    ...(members.indexSignatures ?? []).map((member) => indexHtml(member, find)),
    ...(members.methods ?? []).map((member) =>
      signature({ name: escape(member.name), ...functionOf(member) }, find)
    ),
  ];
  return parts.length === 0 ? "{}" : `{ ${parts.join("; ")} }`;
}

/** `readonly name?: type` */
export function propertyHtml(member: Member, find: Find): string {
  const type = member.tsType === undefined ? "" : `: ${typeHtml(member.tsType, find)}`;
  return `${member.readonly ? "readonly " : ""}${escape(member.name)}${
    member.optional ? "?" : ""
  }${type}`;
}

/** `readonly [key: string]: type` */
export function indexHtml(member: Member, find: Find): string {
  const keys = parameters(member.params ?? [], find).join(", ");
  const type = member.tsType === undefined ? "unknown" : typeHtml(member.tsType, find);
  return `${member.readonly ? "readonly " : ""}[${keys}]: ${type}`;
}

/** What a method takes and gives, of a class or of an interface. */
export function functionOf(member: Member): FunctionNode {
  return member.functionDef ?? {
    params: member.params ?? [],
    ...(member.returnType === undefined ? {} : { returnType: member.returnType }),
  };
}

/** The name that documentation gives a parameter. */
export function nameOfParameter(parameter: Parameter): string {
  if (parameter.left !== undefined) return nameOfParameter(parameter.left);
  if (parameter.arg !== undefined) return nameOfParameter(parameter.arg);
  return parameter.name ?? (parameter.kind === "array" ? "items" : "options");
}

function parameterHtml(parameter: Parameter, find: Find): string {
  const { left, arg, kind, optional, tsType } = parameter;
  const inner = left ?? arg ?? parameter;
  const type = tsType ?? inner.tsType;
  const isOptional = left !== undefined || optional || inner.optional;
  return `${kind === "rest" ? "..." : ""}${escape(nameOfParameter(parameter))}${
    isOptional ? "?" : ""
  }${type === undefined ? "" : `: ${typeHtml(type, find)}`}`;
}

function parameters(list: readonly Parameter[], find: Find): string[] {
  return list.map((parameter) => parameterHtml(parameter, find));
}

/** `<Name extends Type>`, or nothing. */
export function typeParameters(list: readonly TypeParameter[] | undefined, find: Find): string {
  if (list === undefined || list.length === 0) return "";
  const parts = list.map(({ name, constraint, default: value }) =>
    escape(name) + (constraint === undefined ? "" : ` extends ${typeHtml(constraint, find)}`) +
    (value === undefined ? "" : ` = ${typeHtml(value, find)}`)
  );
  return `&lt;${parts.join(", ")}&gt;`;
}

/** The longest signature that stays on one line, in characters. */
const WIDTH = 76;

/** `name(a: type): type`, with a line for each parameter where it is long. */
export function signature(
  { name, params, returnType, typeParams }: FunctionNode & { readonly name: string },
  find: Find,
): string {
  const list = parameters(params, find);
  const result = returnType === undefined ? "" : `: ${typeHtml(returnType, find)}`;
  const head = name + typeParameters(typeParams, find);
  const line = `${head}(${list.join(", ")})${result}`;
  if (line.replace(/<[^>]*>/g, "").length <= WIDTH || list.length === 0) return line;
  return `${head}(\n${list.map((parameter) => `  ${parameter},\n`).join("")})${result}`;
}
