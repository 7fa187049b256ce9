from edge_agent.desk.dtdl_schemas import enum_of, map_of, object_of, schema_of
from edge_agent.twin.fitting import JsonObject

DEFINITIONS: dict[str, JsonObject] = {
    "A": {"type": "object", "properties": {"kind": {"const": "a", "type": "string"}, "n": {"type": "integer"}}},
    "B": {
        "type": "object",
        "properties": {
            "kind": {"const": "b", "type": "string"},
            "share": {"type": "number", "description": "of all"},
            "few": {"type": "integer", "maximum": 9},
        },
    },
}


def test_objects_that_stand_for_one_another_become_one_with_the_fields_of_all() -> None:
    node: JsonObject = {"type": "array", "items": {"oneOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]}}

    found = schema_of(node, DEFINITIONS)

    fields: dict[str, str | JsonObject] = {
        "kind": enum_of(["a", "b"]),
        "n": "long",
        "share": "double",
        "few": "integer",
    }
    assert found == {"@type": "Array", "elementSchema": object_of(fields, {"share": "of all"})}


def test_of_other_alternatives_the_first_is_described_and_null_is_none() -> None:
    assert schema_of({"anyOf": [{"type": "number"}, {"$ref": "#/$defs/A"}, {"type": "null"}]}, DEFINITIONS) == "double"
    assert schema_of({"type": "boolean"}, {}) == "boolean"


def test_a_text_that_is_one_of_a_few_is_an_enum_and_any_other_a_string() -> None:
    assert schema_of({"type": "string", "enum": ["x", "y"]}, {}) == enum_of(["x", "y"])
    assert schema_of({"anyOf": [{"type": "string", "const": "x"}, {"type": "number"}]}, {}) == "string"


def test_an_object_of_any_names_is_a_map() -> None:
    node: JsonObject = {"type": "object", "additionalProperties": {"type": "string"}}

    assert schema_of(node, {}) == map_of("name", "value", "string")
