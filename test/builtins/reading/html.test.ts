import { describe, expect, it } from "vitest";
import { readText } from "../../support/read-text.ts";

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const read = (html: string | Uint8Array) =>
  readText("page.html", typeof html === "string" ? new TextEncoder().encode(html) : html);

const PROSE = "The harbour festival fills the whole town, and the orchestra plays on the quay until midnight.";
const FOOTER = "Copyright 2026 Example Ltd.";

describe("what stands beside the text of a page", () => {
  it("is left out: menus, buttons, scripts, the title", async () => {
    const menu = "<nav><ul><li><a href=/>Home</a><li><a href=/a>About us</a></ul></nav>";
    const html = `<html><head><title>Title</title><style>p{}</style></head><body>${menu}<button>Send</button><p>${PROSE}</p><script>var a='<p>b</p>'</script>`;
    expect(await read(html)).toBe(PROSE);
  });

  it("is shown where the page has hardly anything else", async () => {
    const links = ["Departures", "Arrivals", "Timetables", "Lost property"].map((one) => `<li><a href=#>${one}</a>`);
    expect(await read(`<nav><ul>${links.join("")}</ul></nav><p>Station</p>`)).toContain("Lost property");
  });

  const ELEMENTS = "form nav button select svg math canvas object audio video noscript template textarea".split(" ");

  it.each(ELEMENTS)("never takes the prose: <%s> around the whole page", async (name) => {
    const long = `<h1>Harbour festival</h1><p>${PROSE}</p><p>${PROSE}</p><p>${PROSE}</p>`;
    expect(await read(`<body><${name}>${long}</${name}><footer>${FOOTER}</footer>`)).toContain(PROSE);
  });

  it.each([...ELEMENTS, "title", "iframe", "noframes", "xmp"])(
    "never takes the prose: <%s> not closed",
    async (name) => {
      expect(await read(`<p>Before.</p><${name}><p>${PROSE}</p><footer>${FOOTER}</footer>`)).toContain(PROSE);
      expect(await read(`<${name}>a</${name}><p>Before.</p><${name} class=x><p>${PROSE}</p>`)).toContain(PROSE);
    },
  );

  it.each([...ELEMENTS, "title", "iframe", "script", "style"])(
    "never takes the prose: <%s/> as XHTML writes it",
    async (name) => {
      const html = `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><${name} /></head><body><p>${PROSE}</p></body></html>`;
      expect(await read(html)).toContain(PROSE);
    },
  );

  it("never takes the prose: a comment that is not closed", async () => {
    expect(await read(`<p>Before.</p><!-- <p>${PROSE}</p>`)).toContain(PROSE);
  });
});

describe("the text of a page", () => {
  it("holds what was written into a form, and the descriptions of pictures", async () => {
    const html = `<form><label>Name</label><input value="Ada Lovelace"><input type=hidden value=token><textarea>Two seats, please.</textarea></form><img alt="A quay at dusk">`;
    const text = await read(html);
    expect(text).toMatch(/Name\s+Ada Lovelace\s+Two seats, please\.\s+A quay at dusk/);
    expect(text).not.toContain("token");
  });

  it("keeps the numbers of lists", async () => {
    const html = "<ol><li>Cast off<ul><li>bow<li>stern</ul><li>Sail</ol><ol start=7><li>Moor</ol>";
    expect((await read(html)).split(/\n+/)).toEqual(["1. Cast off", "- bow", "- stern", "2. Sail", "7. Moor"]);
  });

  it("joins words that a soft hyphen parts, also at the end of a line", async () => {
    expect(await read("<p>every cost, in\u00ad\ncluding the rail\u00adway</p>")).toBe(
      "every cost, including the railway",
    );
    expect(await read("<pre>in\u00ad\ncluding</pre>")).toContain("including");
  });
});

describe("the encoding of a page", () => {
  const CYRILLIC = "Отчёт о работе.";
  const windows1251 = latin1("\xce\xf2\xf7\xb8\xf2 \xee \xf0\xe0\xe1\xee\xf2\xe5.");
  const page = (head: string, body = windows1251) => Uint8Array.of(...latin1(head), ...latin1("<p>"), ...body);

  it.each([
    ["a charset", "<meta charset=windows-1251>"],
    ["quotes, case and blanks", "<META name='x' CharSet = ' Windows-1251 '>"],
    ["http-equiv", `<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">`],
    ["http-equiv in the other order", `<meta content='text/html;charset="cp1251"' http-equiv=content-type />`],
    ["an XML declaration", `<?xml version="1.0" encoding="windows-1251"?><html>`],
    ["a tag far down in the head", `<head><style>${"p{color:red}".repeat(2_000)}</style><meta charset=windows-1251>`],
    ["none in a comment before", "<!-- <meta charset=koi8-r> --><meta charset=windows-1251>"],
    [
      "none in an attribute before",
      `<meta name=description content="<meta charset=koi8-r>"><meta charset=windows-1251>`,
    ],
    ["none of content without http-equiv", `<meta name=a content="charset=koi8-r"><meta charset=windows-1251>`],
    ["none that is not known", "<meta charset=no-such><meta charset=windows-1251>"],
  ])("is read from %s", async (_, head) => {
    expect(await read(page(head))).toBe(CYRILLIC);
  });

  it("is read from no script, and not from the body", async () => {
    const head =
      "<title><meta charset=koi8-r></title><script>'<meta charset=koi8-r>'</script><meta charset=windows-1251>";
    expect(await read(page(head))).toBe(CYRILLIC);
  });

  it("is rewritten as the standard says", async () => {
    expect(await read("<meta charset=utf-16><p>Größe")).toBe("Größe");
    expect(await read(page("<meta charset=x-user-defined>", latin1("Gr\xf6\xdfe \x80")))).toBe("Größe €");
  });

  it("is guessed where none is declared", async () => {
    const sentence = latin1(
      "\xce\xf2\xf7\xb8\xf2 \xee \xf0\xe0\xe1\xee\xf2\xe5 \xea\xee\xec\xe8\xf2\xe5\xf2\xe0 \xe7\xe0 \xe3\xee\xe4.",
    );
    expect(await read(page("<html>", sentence))).toBe("Отчёт о работе комитета за год.");
  });
});
