// Builds the pages' style sheet, behaviour and icon sprite into static/dist.
//   node build.mjs            once, minified
//   node build.mjs --watch    again at every change
import { build, context } from "esbuild";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";

const root = path.dirname(fileURLToPath(import.meta.url));
const source = path.join(root, "static/src");
const target = path.join(root, "static/dist");
const watch = process.argv.includes("--watch");

/** One <symbol> per name of icons.json, drawn with the colour of the text around it. */
async function buildSprite() {
  const names = JSON.parse(await readFile(path.join(source, "icons.json"), "utf8"));
  const symbols = await Promise.all(
    Object.entries(names).map(async ([name, file]) => {
      const svg = await readFile(path.join(root, "node_modules/heroicons/24/outline", `${file}.svg`), "utf8");
      const inner = svg.replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "").trim();
      return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6">${inner}</symbol>`;
    }),
  );
  const sprite = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
  await writeFile(path.join(target, "icons.svg"), sprite.replaceAll('stroke="#0F172A"', "").replaceAll(/ stroke-width="1.5"/g, ""));
}

const options = {
  entryPoints: ["app.css", "app.js", "theme.js", "editor.js", "mapping.js", "chart.js", "passkeys.js"].map((name) => path.join(source, name)),
  outdir: target,
  bundle: true,
  format: "esm",
  target: ["chrome111", "firefox115", "safari16.4"],
  minify: !watch,
  legalComments: "none",
  loader: { ".svg": "dataurl" },
  logLevel: "info",
};

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
await buildSprite();
if (watch) await (await context(options)).watch();
else await build(options);
