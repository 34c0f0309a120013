// node check.mjs FILE: one line for each diagnostic; exits 1 on errors, or when the parser made nothing of the file.
import { readFile } from "node:fs/promises";
import { DiagnosticSeverity, Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(await readFile(process.argv[2], "utf8"));
for (const found of diagnostics) {
  console.log(`${DiagnosticSeverity[found.severity]} ${found.code} ${found.path.join(".")}: ${found.message}`);
}
const errors = diagnostics.filter((found) => found.severity === DiagnosticSeverity.Error);
if (document) {
  console.log(`channels=${document.channels().length} operations=${document.operations().length} messages=${document.components().messages().length}`);
}
process.exit(document && errors.length === 0 ? 0 : 1);
