// One file, viewer.html: script and style inside, nothing loaded, the script allowed by its hash. It stands in the Python
// package, which fills in the data and, to serve it, lets it connect. The same sources give the same bytes.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const POLICY =
  "default-src 'none'; script-src 'HASH'; style-src 'unsafe-inline'; img-src data:; " +
  "connect-src 'none'; base-uri 'none'; form-action 'none'";

const MOST_BYTES = 250_000; // travel with every report

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Of node_modules/@a/b/dist/c.js: @a/b. */
function packageOf(module: string): string | undefined {
  return /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(module)?.[1];
}

function oneFile(): Plugin {
  return {
    name: "one-file",
    enforce: "post",
    generateBundle(_options, bundle) {
      const notice = readFileSync(here("NOTICE"), "utf8");
      let html = "",
        script = "",
        style = "";
      for (const [name, part] of Object.entries(bundle)) {
        if (part.type === "chunk") {
          script += part.code;
          for (const used of part.moduleIds.map(packageOf))
            if (used && !notice.includes(`\n${used} `)) this.error(`NOTICE does not name ${used}`);
        } else if (name.endsWith(".css")) style += part.source;
        else if (name.endsWith(".html")) html = String(part.source);
        else this.error(`${name} cannot be put into one file`);
        delete bundle[name];
      }
      script = script
        .trim()
        .replace(/<\/script/gi, "<\\/script")
        .replace(/<!--/g, "<\\!--");
      const hash = "sha256-" + createHash("sha256").update(script).digest("base64");
      const policy = `<meta http-equiv="Content-Security-Policy" content="${POLICY.replace("HASH", hash)}">\n`;
      html = html
        .replace(/\s*<script type="module"[^>]*src=[^>]*><\/script>/, "")
        .replace(/\s*<link rel="stylesheet"[^>]*>/, "")
        .replace('<meta name="viewport"', () => policy + '<meta name="viewport"')
        .replace("</head>", () => `<style>${style.trim()}</style>\n</head>`)
        .replace("<html", () => `<!--\n${notice}-->\n<html`)
        .replace("</body>", () => `<script type="module">${script}</script>\n</body>`);
      if (html.length > MOST_BYTES) this.error(`the viewer has ${html.length} bytes, more than ${MOST_BYTES}`);
      this.emitFile({ type: "asset", fileName: "viewer.html", source: html });
    },
  };
}

export default defineConfig({
  plugins: [oneFile()],
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    outDir: process.env.TONNAGE_WEB_OUT ?? here("../python/tonnage"),
    emptyOutDir: false,
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 1e9,
    reportCompressedSize: false,
    rollupOptions: { output: { inlineDynamicImports: true } },
  },
});
