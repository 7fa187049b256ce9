// What Microsoft's own compiler says of files of KQL: `node kusto.js < {"files": [{name, text}], "calls": [..]}`.
// Statements are compiled in their order; what one makes (a table, a view, a function) the next ones know. Answers with
// every statement, its diagnostics (line in the file), what it makes, and the result's columns of each of `calls`.

const fs = require("fs");
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");

const { KustoCode, GlobalState, Symbols } = Kusto.Language;
const members = new Map();
let globals = GlobalState.Default;

function know(name, symbol) {
  members.set(name, symbol);
  const database = new Symbols.DatabaseSymbol.$ctor1("fleet", [...members.values()], false);
  globals = GlobalState.Default.WithDatabase(database);
}

function listed(items) {
  const found = [];
  for (let n = 0; n < items.Count; n++) found.push(items.getItem(n));
  return found;
}

function analyzed(text) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const faults = listed(code.GetDiagnostics()).map((d) => ({
    line: text.slice(0, d.Start).split("\n").length,
    severity: d.Severity,
    message: d.Message,
    at: text.slice(d.Start, d.Start + d.Length).slice(0, 40),
  }));
  return { code, faults };
}

function columns(type) {
  if (!type || !type.Columns) return null;
  return listed(type.Columns).map((column) => [column.Name, column.Type.Name]);
}

function query(text) {
  const { code, faults } = analyzed(text);
  return { faults, columns: columns(code.ResultType) };
}

// A statement begins with a dot at a line's begin; comments and empty lines before it are not its own.
function* statements(text) {
  const lines = text.split("\n");
  let begin = -1;
  for (let n = 0; n <= lines.length; n++) {
    if (n < lines.length && !lines[n].startsWith(".")) continue;
    if (begin >= 0) {
      let end = n;
      while (lines[end - 1].trim() === "" || lines[end - 1].startsWith("//")) end--;
      yield { line: begin + 1, text: lines.slice(begin, end).join("\n") };
    }
    begin = n;
  }
}

const TABLE = /^\.create-merge table (\w+) \((.*?)\)(?: with .*)?$/;
const FUNCTION = /^\.create-or-alter function with \([^)]*\) (\w+)(\((?:[^()]|\([^()]*\))*\))\s*(\{[\s\S]*\})$/;
const VIEW = /^\.create-or-alter materialized-view with \([^)]*\) (\w+) on table (\w+)\s*\{([\s\S]*)\}$/;
const UPDATE = /^\.alter table (\w+) policy update\s+(?:```|")([\s\S]*?)(?:```|")$/;

function made(text) {
  let found;
  if ((found = TABLE.exec(text))) {
    know(found[1], Symbols.TableSymbol.From("(" + found[2] + ")").WithName(found[1]));
    return { kind: "table", name: found[1], columns: columns(members.get(found[1])) };
  }
  if ((found = FUNCTION.exec(text))) {
    const [, name, parameters, body] = found;
    know(name, new Symbols.FunctionSymbol.$ctor16(name, parameters, body, null));
    return { kind: "function", name, parameters };
  }
  if ((found = VIEW.exec(text))) {
    const { faults, columns: result } = query(found[3]);
    const schema = (result || []).map(([name, type]) => `['${name}']:${type}`).join(", ");
    know(found[1], new Symbols.MaterializedViewSymbol.$ctor3(found[1], `(${schema})`, found[3], null));
    return { kind: "view", name: found[1], source: found[2], columns: result, faults };
  }
  if ((found = UPDATE.exec(text))) {
    const policies = JSON.parse(found[2]).map((one) => ({ ...one, ...query(one.Query) }));
    return { kind: "update", name: found[1], policies };
  }
  return { kind: "command", name: text.split("\n")[0] };
}

const asked = JSON.parse(fs.readFileSync(0, "utf8"));
const answer = { statements: [], calls: {} };
for (const { name, text } of asked.files) {
  for (const statement of statements(text)) {
    const { faults } = analyzed(statement.text);
    const found = made(statement.text);
    const all = [...faults, ...(found.faults || [])].map((f) => ({ ...f, line: f.line + statement.line - 1 }));
    answer.statements.push({ file: name, line: statement.line, ...found, faults: all });
  }
}
for (const call of asked.calls) answer.calls[call] = query(call);
process.stdout.write(JSON.stringify(answer));
