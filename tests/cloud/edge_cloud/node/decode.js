// What cloud/asa/decode.js makes of payloads: lists of columns, a JSON line each, in; their rows, a line each, out.

const fs = require("fs");
const path = require("path");
const vm = require("vm");

const source = fs.readFileSync(path.join(__dirname, "../../../../cloud/asa/decode.js"), "utf8");
const decode = vm.runInNewContext(`"use strict"; (${source.slice(source.indexOf("function decode"))})`);
for (const line of fs.readFileSync(0, "utf8").split("\n")) {
  if (line) process.stdout.write(JSON.stringify(decode(JSON.parse(line))) + "\n");
}
