// The columns of a columns/1 payload as rows, for Stream Analytics: a function of JavaScript, named `decode`, that returns
// `any`. In ES5, as that engine takes it.
//
// Times go out as texts in ISO 8601: a number above 2^31 that such a function returns is cut to 32 bits where the job
// takes it for a bigint. Numbers here are doubles: what the payload sends as an integer is exact; of times in ns the last
// microsecond may be the one before or after.
function decode(columns) {
    var rows = [];

    function stamp(micros) {
        var millis = Math.floor(micros / 1000);
        var rest = String(1000 + (micros - millis * 1000)).slice(1);
        return new Date(millis).toISOString().slice(0, -1) + rest + "Z";
    }

    function micros(unit, t0, since) {
        if (unit === "ms") {
            return (t0 + since) * 1000;
        }
        return unit === "us" ? t0 + since : Math.floor(t0 / 1000) + Math.floor((t0 % 1000 + since) / 1000);
    }

    for (var c = 0; c < columns.length; c++) {
        var column = columns[c];
        var since = 0;
        var whole = 0;
        for (var n = 0; n < column.dt.length; n++) {
            since += column.dt[n];
            var number;
            if (column.raw.length) {
                number = whole += column.raw[n];
            } else {
                number = column.val.length ? column.val[n] : Number(column.str[n]);
            }
            var value = number * column.factor + column.offset;
            rows.push({
                signal: column.name,
                unit: column.unit,
                agg: column.agg,
                max_error: column.max_error,
                t: stamp(micros(column.tu, column.t0, since)),
                value: isFinite(value) ? value : null,
                text: column.str.length ? column.str[n] : null
            });
        }
    }
    return rows;
}
