"""Tables compared as sets of rows, whatever their order."""

import pyarrow as pa


def assert_same_rows(found: pa.Table, expected: pa.Table) -> None:
    """The same columns, types and rows, each as often; the first rows that differ are shown."""
    assert found.schema.equals(expected.schema), f"{found.schema}\n{expected.schema}"
    order = [(name, "ascending") for name in expected.column_names if not pa.types.is_binary(expected.field(name).type)]
    left, right = found.sort_by(order), expected.sort_by(order)
    assert left.num_rows == right.num_rows
    if not left.equals(right):
        for at, (one, other) in enumerate(zip(left.to_pylist(), right.to_pylist(), strict=True)):
            assert one == other, f"row {at}"
