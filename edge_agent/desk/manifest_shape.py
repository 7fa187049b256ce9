"""A deployment manifest of IoT Edge and a module.json as somebody writes them: their shape, and what has another. Pure.

Names and values are those of schema version 1.1 (Microsoft Learn, "Properties of the IoT Edge agent and IoT Edge hub
module twins"). `createOptions` is an object here: what is one text, or several, in a manifest is joined before.
"""

import json
import re
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from edge_agent.desk.manifest_docker import CreateOptions
from edge_agent.errors import DocumentRefused, Fault
from edge_agent.mistakes import mistakes, path, placed
from edge_agent.twin.fitting import JsonObject

_IMAGE = (
    r"([A-Za-z0-9.-]+(:\d+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
_MODULE = r"[A-Za-z0-9_.:-]{1,128}"
_FOREVER_S = 4_294_967_295


def _image(text: str) -> str:
    if not re.fullmatch(_IMAGE, text, re.ASCII):
        raise ValueError(f"{text!r} is no image: write registry/repository:tag, in small letters")
    return text


def _module(text: str) -> str:
    if not re.fullmatch(_MODULE, text, re.ASCII):
        raise ValueError("a module's name has 1 to 128 ASCII letters, digits and - . _ :")
    return text


def _spec(route: object) -> object:
    return {"route": route} if isinstance(route, str) else route


Image = Annotated[
    str, AfterValidator(_image), WithJsonSchema({"type": "string", "pattern": rf"^({_IMAGE}|.*\$\{{.*)$"})
]
"""an image's reference; a template may have a variable in it"""
ModuleName = Annotated[str, AfterValidator(_module), WithJsonSchema({"type": "string", "pattern": f"^{_MODULE}$"})]
Seconds = Annotated[int, Field(ge=0, le=_FOREVER_S)]


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=AliasGenerator(alias=to_camel),
        use_attribute_docstrings=True,
    )


class EnvValue(_Model):
    """A variable of a module's environment."""

    value: str
    """always text: IoT Edge makes `True` of true"""


def _or_texts(schema: dict[str, JsonValue]) -> None:
    """In a file createOptions may be text, too, and go on in numbered ones."""
    properties = schema["properties"]
    if isinstance(properties, dict):
        properties["createOptions"] = {"anyOf": [properties["createOptions"], {"type": "string"}]}
    schema["patternProperties"] = {r"^createOptions\d\d$": {"type": "string"}}


class Settings(_Model):
    """The container of a module."""

    model_config = ConfigDict(json_schema_extra=_or_texts)

    image: Image
    create_options: CreateOptions = CreateOptions()
    digest: str | None = None


class SystemModule(_Model):
    """One of the runtime's two modules."""

    type: Literal["docker"]
    status: Literal["running"] = "running"
    restart_policy: Literal["always"] = "always"
    image_pull_policy: Literal["on-create", "never"] = "on-create"
    startup_order: Annotated[int, Field(ge=0, le=_FOREVER_S)] | None = None
    env: dict[str, EnvValue] = {}
    settings: Settings
    version: str | None = None


class Module(_Model):
    """A module of one's own."""

    type: Literal["docker"]
    status: Literal["running", "stopped"]
    restart_policy: Literal["never", "on-failure", "on-unhealthy", "always"]
    image_pull_policy: Literal["on-create", "never"] = "on-create"
    startup_order: Annotated[int, Field(ge=0, le=_FOREVER_S)] | None = None
    """modules of a lower number are started first; nobody waits until they are ready"""
    env: dict[str, EnvValue] = {}
    settings: Settings
    version: str | None = None


class SystemModules(_Model):
    """The runtime."""

    edge_agent: SystemModule
    edge_hub: SystemModule


class RegistryCredentials(_Model):
    """Who may pull images."""

    username: str
    password: str
    address: Annotated[str, Field(min_length=1)]


class RuntimeSettings(_Model):
    """The container engine."""

    min_docker_version: str
    logging_options: str | None = None
    registry_credentials: dict[str, RegistryCredentials] = {}


class Runtime(_Model):
    """What runs the modules."""

    type: Literal["docker"]
    settings: RuntimeSettings


class AgentDesired(_Model):
    """Desired properties of IoT Edge's agent."""

    schema_version: Literal["1.0", "1.1"]
    runtime: Runtime
    system_modules: SystemModules
    modules: dict[ModuleName, Module] = {}


class Route(_Model):
    """A route with its rank."""

    route: str
    priority: Annotated[int, Field(ge=0, le=9)] | None = None
    """0 goes first"""
    time_to_live_secs: Seconds | None = None
    """how long edgeHub keeps a message that it cannot pass on; storeAndForwardConfiguration's without"""


class StoreAndForward(_Model):
    """What edgeHub keeps."""

    time_to_live_secs: Seconds
    store_limits: JsonValue = None


class HubDesired(_Model):
    """Desired properties of IoT Edge's hub."""

    schema_version: Literal["1.0", "1.1", "1.2", "1.3"]
    routes: dict[str, Annotated[Route, BeforeValidator(_spec, json_schema_input_type=str | Route)]]
    store_and_forward_configuration: StoreAndForward
    mqtt_broker: JsonValue = None
    integrity: JsonValue = None


class _Twin(_Model):
    model_config = ConfigDict(alias_generator=None)


class AgentTwin(_Twin):
    """Of IoT Edge's agent."""

    desired: AgentDesired = Field(alias="properties.desired")


class HubTwin(_Twin):
    """Of IoT Edge's hub."""

    desired: HubDesired = Field(alias="properties.desired")


class ModuleTwin(_Twin):
    """Of a module of one's own."""

    desired: dict[str, JsonValue] = Field(alias="properties.desired")


class ModulesContent(_Twin):
    """The twins, by module."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ModuleTwin]

    agent: AgentTwin = Field(alias="$edgeAgent")
    hub: HubTwin = Field(alias="$edgeHub")

    @property
    def twins(self) -> dict[str, ModuleTwin]:
        """Of the modules of one's own."""
        return self.__pydantic_extra__


class Manifest(_Model):
    """A deployment of one device."""

    modules_content: ModulesContent
    dialect: str | None = Field(default=None, alias="$schema")
    """for an editor"""
    template: str | None = Field(default=None, alias="$schema-template")
    """that this is a template"""

    @property
    def agent(self) -> AgentDesired:
        """Desired properties of IoT Edge's agent."""
        return self.modules_content.agent.desired

    @property
    def hub(self) -> HubDesired:
        """Desired properties of IoT Edge's hub."""
        return self.modules_content.hub.desired


class Tag(_Model):
    """Which images there are."""

    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.${}-]+$")]
    platforms: Annotated[dict[str, str], Field(min_length=1)]
    """by platform, the Dockerfile from this file's folder"""


class ImageSource(_Model):
    """How the image is built, and its name."""

    repository: Annotated[str, Field(min_length=1)]
    tag: Tag
    build_options: tuple[str, ...] = ()
    context_path: str = "./"


class ModuleFile(_Model):
    """What Microsoft's development tools read of a module: module.json."""

    dialect: str | None = Field(default=None, alias="$schema")
    """for an editor"""
    schema_version: str = Field(alias="$schema-version")
    description: str = ""
    image: ImageSource
    language: str = ""


Shape = TypeVar("Shape", Manifest, ModuleFile)


def shaped(document: JsonObject, model: type[Shape]) -> Shape:
    """The document, if its shape is right. Raises DocumentRefused with every fault, each at a place that exists."""
    try:
        # As JSON text, in which strict models take lists for tuples.
        return model.model_validate_json(json.dumps(document))
    except ValidationError as error:
        raise DocumentRefused([_fault(*found, document) for found in mistakes(error)]) from error


def _fault(place: tuple[int | str, ...], message: str, document: JsonObject) -> Fault:
    # Pydantic says that a name of a map is wrong behind the name.
    known, message = placed(tuple(part for part in place if part != "[key]"), message, document)
    return Fault(path(known), message)
