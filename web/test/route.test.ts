import { expect, test } from "vitest";
import { link, parse } from "../src/route";

test("an address says the page and its parameters, and can be read again", () => {
  const from = parse("#/what?where=text%3A%27a%3Fb%26c%27&by=via&file=1");
  expect(from).toEqual({ page: "what", params: { where: "text:'a?b&c'", by: "via", file: "1" } });
  expect(parse(link("what", from.params, from))).toEqual(from);
});

test("the files and the selection go along, the rest stays behind", () => {
  const from = parse("#/what?where=type%3Adict&by=via&file=1&against=0&sort=count");
  expect(parse(link("waste", {}, from))).toEqual({
    page: "waste",
    params: { file: "1", against: "0", where: "type:dict" },
  });
  expect(parse(link("waste", { where: null, file: 0 }, from)).params).toEqual({ file: "0", against: "0" });
});

test("no address is the first page", () => {
  expect(parse("")).toEqual({ page: "", params: {} });
});
