import pytest

from edge_agent.desk.reference_words import code, model_of, takes, unit


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SPOOL_CAP_BYTES", "bytes"),
        ("bytes_per_day", "bytes"),
        ("blocks_per_day", "blocks of 4 KB"),
        ("every_ms", "ms"),
        ("DRAIN_S", "s"),
        ("every_min", "minutes"),
        ("data_bitrate", "bit/s"),
        ("BUSES", ""),
        ("min_interval_ms", "ms"),
    ],
)
def test_a_name_says_what_its_number_counts(name: str, words: str) -> None:
    assert unit(name) == words


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "boolean"}, "`true` `false`"),
        ({"type": "integer"}, "integer"),
        ({"type": "integer", "minimum": 10, "maximum": 86_400_000}, "integer, 10 to 86,400,000"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 60}, "number, above 0, at most 60"),
        ({"type": "number", "minimum": 0}, "number, at least 0"),
        ({"type": "string"}, "text"),
        ({"type": "string", "maxLength": 64}, "text, at most 64 characters"),
        ({"type": "string", "format": "path"}, "path"),
        ({"type": "string", "format": "password"}, "secret text"),
        ({"const": "all"}, '`"all"`'),
        ({"enum": ["hot", "warm"], "type": "string"}, '`"hot"` `"warm"`'),
        ({"type": "array", "items": {"enum": ["min"]}}, 'list of any of `"min"`'),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 32}, "list of up to 32 text"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text"),
        ({"oneOf": [{"type": "number"}, {"$ref": "#/$defs/Band"}]}, "number, or [band](#band)"),
        ({"type": "object", "additionalProperties": {"$ref": "#/$defs/Band"}}, "map from names to [band](#band)s"),
    ],
)
def test_what_a_field_takes_is_told_in_words(schema: dict[str, object], words: str) -> None:
    assert takes(schema, {"Band": "[band](#band)"}) == words


def test_a_whole_number_is_written_without_a_point() -> None:
    assert (code(6.0), code(0.5), code(["last"]), code("ms")) == ("`6`", "`0.5`", '`["last"]`', '`"ms"`')


def test_a_reference_means_a_model() -> None:
    assert model_of({"$ref": "#/$defs/BatchSpec"}) == "BatchSpec"
