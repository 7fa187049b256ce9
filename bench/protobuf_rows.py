"""The same samples as protobuf rows under Snappy, the shape AWS FleetWise's edge agent sends (vehicle_data.proto).

One message a batch, one sub-message a sample: signal id, relative time, the value as an 8-byte double.
"""

from collections.abc import Iterable
from typing import Any

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from edge_agent.records import Batch, RawKind

_FIELD = descriptor_pb2.FieldDescriptorProto


def _message_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="vehicle_data.proto", package="bench", syntax="proto3")
    sample = file.message_type.add(name="CapturedSignal")
    sample.field.add(name="relative_time_ms", number=1, type=_FIELD.TYPE_SINT64, label=_FIELD.LABEL_OPTIONAL)
    sample.field.add(name="signal_id", number=2, type=_FIELD.TYPE_UINT32, label=_FIELD.LABEL_OPTIONAL)
    sample.field.add(name="double_value", number=3, type=_FIELD.TYPE_DOUBLE, label=_FIELD.LABEL_OPTIONAL)
    data = file.message_type.add(name="VehicleData")
    data.field.add(name="collection_event_id", number=1, type=_FIELD.TYPE_UINT32, label=_FIELD.LABEL_OPTIONAL)
    data.field.add(
        name="collection_event_time_ms_epoch", number=2, type=_FIELD.TYPE_UINT64, label=_FIELD.LABEL_OPTIONAL
    )
    data.field.add(
        name="captured_signals",
        number=3,
        type=_FIELD.TYPE_MESSAGE,
        type_name=".bench.CapturedSignal",
        label=_FIELD.LABEL_REPEATED,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("bench.VehicleData"))


VEHICLE_DATA = _message_class()


def encoded(batches: Iterable[Batch]) -> int:
    """Bytes of all batches, each a compressed message of rows in time order."""
    return sum(len(bytes(cramjam.snappy.compress_raw(_rows(batch)))) for batch in batches)


def _rows(batch: Batch) -> bytes:
    message = VEHICLE_DATA(collection_event_id=batch.seq, collection_event_time_ms_epoch=batch.opened_ns // 1_000_000)
    rows = []
    for signal_id, column in enumerate(batch.columns, start=1):
        raw = column.raw.view("f8") if column.signal.kind is RawKind.FLOAT else column.raw
        for t_ns, number in zip(column.t_ns.tolist(), raw.tolist(), strict=True):
            rows.append((t_ns, signal_id, number * column.signal.factor + column.signal.offset))
    for t_ns, signal_id, value in sorted(rows):
        message.captured_signals.add(
            relative_time_ms=(t_ns - batch.opened_ns) // 1_000_000, signal_id=signal_id, double_value=value
        )
    return bytes(message.SerializeToString())
