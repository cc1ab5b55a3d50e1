import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { keyOf, NotInReport, openSource } from "../src/source";

const file = { index: 0, name: "a.tonnage", pid: 1, wall_time_ns: 0, python_version: "3.12", has: ["objects"] };
const report = (answers: object) => JSON.stringify({ schema: 1, mode: "report", files: [file], answers });

describe("a report", () => {
  test("answers what is embedded, however the question is written", async () => {
    const source = await openSource(
      report({ "groups?limit=1000": 1, "groups?by=via&file=1&limit=1000": 2, "largest?where=type%3Aa~b%2A": 3 }),
    );
    expect(await source.ask("groups", { by: "type", file: 0, where: "" })).toBe(1);
    expect(await source.ask("groups", { file: "1", by: "via", limit: 20, sort: "count" })).toBe(2);
    expect(await source.ask("largest", { where: "type:a~b*" })).toBe(3);
  });

  test("takes the longest of answers that differ in length", async () => {
    const source = await openSource(report({ "waste?limit=5": 5, "waste?limit=0": 0, waste: 20 }));
    expect(await source.ask("waste", { limit: 5 })).toBe(0);
  });

  test("says of another question that it has no answer", async () => {
    const source = await openSource(report({ summary: 1 }));
    expect(source.has("summary", {})).toBe(true);
    expect(source.has("summary", { where: "type:dict" })).toBe(false);
    await expect(source.ask("summary", { where: "type:dict" })).rejects.toBeInstanceOf(NotInReport);
  });

  test("gives an embedded error as one", async () => {
    const source = await openSource(report({ "sites?": { error: "nothing was recorded" } }));
    await expect(source.ask("sites")).rejects.toThrow("nothing was recorded");
  });

  test("may be packed", async () => {
    const text = JSON.stringify({
      schema: 1,
      mode: "report",
      gzip: gzipSync(report({ "info?": 7 })).toString("base64"),
    });
    expect(await (await openSource(text)).ask("info")).toBe(7);
  });

  test("of another schema is refused", async () => {
    await expect(openSource('{"schema":2,"mode":"report","files":[]}')).rejects.toThrow("schema 1, not 2");
  });
});

test("a question to the server has its token, and is asked once", async () => {
  const asked: [string, RequestInit][] = [];
  globalThis.fetch = (async (url: string, init: RequestInit) => {
    asked.push([url, init]);
    return url.includes("bad")
      ? Response.json({ error: "no such kind" }, { status: 400 })
      : Response.json({ rows: [] });
  }) as typeof fetch;
  const source = await openSource(JSON.stringify({ schema: 1, mode: "served", token: "secret", files: [file] }));
  await Promise.all([source.ask("groups", { by: "via" }), source.ask("groups", { by: "via", file: 0 })]);
  expect(asked).toEqual([["api/groups?by=via", { headers: { "X-Tonnage-Token": "secret" } }]]);
  await expect(source.ask("groups", { by: "bad" })).rejects.toThrow("no such kind");
});

test("keys are in order of name, without defaults", () => {
  expect(keyOf("groups", { where: "a b", by: "type", against: 1, file: 0 })).toBe("groups?against=1&where=a+b");
  expect(keyOf("info", {})).toBe("info");
  expect([keyOf("groups", { fold: 1 }), keyOf("groups", { fold: 0 })]).toEqual(["groups?fold=1", "groups"]);
  expect([keyOf("dominators", { fold: 1 }), keyOf("dominators", { fold: 0 })]).toEqual([
    "dominators",
    "dominators?fold=0",
  ]);
});
