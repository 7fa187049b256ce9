"""The sentences that stand below the fields of models in their source: what an editor and a reader are told of each."""

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType


def field_texts(module: ModuleType) -> Iterator[tuple[str, str, str]]:
    """Model, name as somebody writes it and docstring of each field; those of the models it extends too."""
    statements = ast.parse(inspect.getsource(module)).body
    texts = {each.name: dict(_texts(each)) for each in statements if isinstance(each, ast.ClassDef)}
    for name in texts:
        model = getattr(module, name)
        for ancestor in model.__mro__:
            for field, text in texts.get(ancestor.__name__, {}).items():
                yield name, model.model_fields[field].alias or field, text


def _texts(model: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in zip(model.body, model.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                yield name, inspect.cleandoc(said)
