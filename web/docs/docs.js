// Shows /openapi.json as a page. Everything is made by createElement and textContent: the description is never read as HTML.
"use strict";

const METHODS = ["get", "post", "put", "delete"];
const DEEPEST = 6;

/** An element with attributes and children; texts become text nodes. */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Paragraphs of a text; what stands between backticks is code. */
function paragraphs(text) {
  return (text || "").split(/\n\s*\n/).filter(Boolean).map((part) => make("p", {}, ...inline(part)));
}

function inline(text) {
  return text.split(/`([^`]+)`/).map((part, place) => (place % 2 ? make("code", {}, part) : part));
}

/** An operation in a few words, for the list at the side. */
function shortened(operation) {
  return (operation.summary || operation.operationId).split(/[:;,]/)[0];
}

class Description {
  constructor(json) {
    this.json = json;
  }

  /** What a schema refers to, with its name. */
  resolve(schema) {
    const name = schema && schema.$ref ? schema.$ref.split("/").pop() : null;
    return { name, schema: name ? this.json.components.schemas[name] || {} : schema || {} };
  }

  /** A schema's type in a few words. */
  type(given) {
    const { name, schema } = this.resolve(given);
    const options = schema.oneOf || schema.anyOf;
    if (options) return options.map((option) => this.type(option)).join(" or ");
    if (schema.enum) return schema.enum.length > 12 ? name || "word" : schema.enum.map((word) => JSON.stringify(word)).join(" | ");
    if (schema.type === "array") return `list of ${this.type(schema.items)}`;
    if (schema.properties) return name && !name.includes("_") ? name : "object";
    if (schema.additionalProperties && schema.additionalProperties !== true) return `map of ${this.type(schema.additionalProperties)}`;
    const type = [].concat(schema.type || "any").join(" or ");
    if (schema.pattern) return `${type}, ${schema.pattern}`;
    return schema.format && schema.format !== "int64" ? `${type}, ${schema.format}` : type;
  }

  /** The schema whose fields are worth showing beneath: through lists, maps and alternatives. */
  inner(given) {
    const { schema } = this.resolve(given);
    if (schema.properties) return schema;
    if (schema.type === "array") return this.inner(schema.items);
    const options = (schema.oneOf || schema.anyOf || []).map((option) => this.inner(option)).filter(Boolean);
    if (options.length) return options[0];
    return typeof schema.additionalProperties === "object" ? this.inner(schema.additionalProperties) : null;
  }

  /** The fields of an object schema as a list. */
  fields(schema, depth) {
    const required = new Set(schema.required || []);
    const rows = Object.entries(schema.properties).map(([name, field]) => {
      const text = field.description || this.resolve(field).schema.description || "";
      const inner = depth < DEEPEST ? this.inner(field) : null;
      const more = inner && make("details", {}, make("summary", {}, "fields"), this.fields(inner, depth + 1));
      return this.row(name, this.type(field), required.has(name), text, more);
    });
    return make("dl", {}, ...rows);
  }

  row(name, type, required, text, more) {
    const must = required ? make("span", { class: "must" }, "required") : null;
    const term = make("dt", {}, make("code", {}, name), make("span", { class: "type" }, type), must);
    return make("div", {}, term, make("dd", {}, ...inline(text), more || null));
  }

  operation(path, method, operation) {
    const address = make("p", { class: "address" },
      make("span", { class: `method ${method}` }, method.toUpperCase()), make("span", { class: "path" }, path));
    const parts = [make("h3", {}, operation.summary || operation.operationId), address, ...paragraphs(operation.description)];
    const parameters = operation.parameters || [];
    if (parameters.length) {
      const rows = parameters.map((parameter) => this.row(
        parameter.name, `${parameter.in}, ${this.type(parameter.schema)}`, parameter.required, parameter.description || ""));
      parts.push(make("h4", {}, "Parameters"), make("dl", {}, ...rows));
    }
    const body = operation.requestBody && Object.values(operation.requestBody.content)[0].schema;
    const fields = body && this.inner(body);
    if (body) parts.push(make("h4", {}, `Body: ${this.type(body)}`), fields ? this.fields(fields, 0) : "");
    parts.push(make("h4", {}, "Answers"), this.answers(operation.responses));
    const article = make("article", { id: operation.operationId }, ...parts);
    article.dataset.text = `${path} ${method} ${article.textContent}`.toLowerCase();
    return article;
  }

  answers(responses) {
    const isRefusal = ([status, response]) => {
      const content = Object.values(response.content || {})[0];
      return Number(status) >= 400 && content !== undefined && this.resolve(content.schema).name === "Problem";
    };
    const all = Object.entries(responses);
    const rows = all.filter((entry) => !isRefusal(entry)).map(([status, response]) => {
      const content = Object.values(response.content || {})[0];
      const fields = content && this.inner(content.schema);
      const more = fields && make("details", {}, make("summary", {}, this.type(content.schema)), this.fields(fields, 0));
      return make("div", { class: "status" }, make("b", {}, status), ...inline(response.description), more || null);
    });
    const refusals = all.filter(isRefusal).map(([status, response]) => {
      const codes = response.description.split("\n\n").map((line) => make("li", {}, ...inline(line)));
      return make("div", { class: "status" }, make("b", {}, status), make("ul", { class: "codes" }, ...codes));
    });
    if (refusals.length) {
      const statuses = all.filter(isRefusal).map(([status]) => status).join(", ");
      rows.push(make("details", { class: "refusals" }, make("summary", {}, `Refusals: ${statuses}`), ...refusals));
    }
    return make("div", { class: "statuses" }, ...rows);
  }

  show(main, contents) {
    const byTag = new Map((this.json.tags || []).map((tag) => [tag.name, { about: tag.description, operations: [] }]));
    for (const [path, item] of Object.entries(this.json.paths)) {
      for (const method of METHODS.filter((name) => item[name])) {
        const tag = (item[method].tags || ["other"])[0];
        if (!byTag.has(tag)) byTag.set(tag, { about: "", operations: [] });
        byTag.get(tag).operations.push([path, method, item[method]]);
      }
    }
    main.append(...paragraphs(this.json.info.description));
    for (const [tag, { about, operations }] of byTag) {
      if (!operations.length) continue;
      const articles = operations.map((parts) => this.operation(...parts));
      main.append(make("section", { id: `tag-${tag}` }, make("h2", {}, tag), make("p", { class: "about" }, about || ""), ...articles));
      const links = operations.map(([, , operation]) =>
        make("li", {}, make("a", { href: `#${operation.operationId}` }, shortened(operation))));
      contents.append(make("h2", {}, make("a", { href: `#tag-${tag}` }, tag)), make("ul", {}, ...links));
    }
  }
}

/** Shows only what holds every word that was typed. */
function find(words) {
  for (const section of document.querySelectorAll("main > section")) {
    let found = 0;
    for (const article of section.querySelectorAll("article")) {
      article.hidden = !words.every((word) => article.dataset.text.includes(word));
      found += article.hidden ? 0 : 1;
    }
    section.hidden = found === 0;
  }
  const nothing = words.length > 0 && !document.querySelector("main > section:not([hidden])");
  document.getElementById("state").textContent = nothing ? "Nothing found." : "";
}

async function start() {
  const state = document.getElementById("state");
  try {
    const response = await fetch("/openapi.json");
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    new Description(await response.json()).show(document.getElementById("main"), document.getElementById("contents"));
    state.textContent = "";
  } catch (error) {
    state.textContent = `The description could not be read: ${error.message}`;
    return;
  }
  document.getElementById("find").addEventListener("input", (event) =>
    find(event.target.value.toLowerCase().split(/\s+/).filter(Boolean)));
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

start();
