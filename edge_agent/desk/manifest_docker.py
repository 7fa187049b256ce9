"""What a container is made of, in the words of Docker's Engine API (v1.43, ContainerCreate). Pure.

Docker passes over a name that it does not know, so `Bind` for `Binds` costs a spool and nobody says so: the names are a
closed set here. The values that a vehicle depends on are judged, others are the container engine's to judge.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema
from pydantic.alias_generators import to_pascal

_BIND = r"(/[^:]*|[A-Za-z0-9][A-Za-z0-9_.-]+):/[^:]*(:[A-Za-z]+(,[A-Za-z]+)*)?"
_PORT = r"[1-9]\d{0,4}/(tcp|udp|sctp)"
_VARIABLE = r"[^=\s]+(=[\s\S]*)?"


def _bind(text: str) -> str:
    if not re.fullmatch(_BIND, text, re.ASCII):
        raise ValueError(f"{text!r} is no bind: write /folder/of/the/host:/folder/of/the/container or name:/folder")
    return text


def _port(text: str) -> str:
    if not re.fullmatch(_PORT, text, re.ASCII):
        raise ValueError(f"{text!r} is no port: write it as 8883/tcp")
    return text


def _variable(text: str) -> str:
    if not re.fullmatch(_VARIABLE, text):
        raise ValueError("must be NAME=value")
    return text


Bind = Annotated[str, AfterValidator(_bind), WithJsonSchema({"type": "string", "pattern": f"^{_BIND}$"})]
Port = Annotated[str, AfterValidator(_port), WithJsonSchema({"type": "string", "pattern": f"^{_PORT}$"})]
Variable = Annotated[str, AfterValidator(_variable), WithJsonSchema({"type": "string", "pattern": f"^{_VARIABLE}$"})]
Capability = Annotated[str, Field(pattern=r"^(ALL|(CAP_)?[A-Z]+(_[A-Z]+)*)$")]


class _Docker(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=to_pascal, use_attribute_docstrings=True
    )


class Device(_Docker):
    """A device of the host that is in the container too."""

    path_on_host: Annotated[str, Field(pattern="^/")]
    path_in_container: Annotated[str, Field(pattern="^/")]
    cgroup_permissions: Annotated[str, Field(pattern="^[rwm]{1,3}$")] = "rwm"


class HostPort(_Docker):
    """Where a port of the container is reached."""

    host_ip: str = ""
    host_port: Annotated[str, Field(pattern=r"^[1-9]\d{0,4}$")]
    """text, as Docker has it"""


class Logging(_Docker):
    """What becomes of standard output."""

    type: str = "json-file"
    config: dict[str, str] = {}


class HostConfig(_Docker):
    """What depends on the host."""

    auto_remove: bool | None = None
    binds: tuple[Bind, ...] = ()
    """folders of the host, or volumes, that are in the container too"""
    blkio_weight: JsonValue = None
    cap_add: tuple[Capability, ...] = ()
    cap_drop: tuple[Capability, ...] = ()
    cgroup: JsonValue = None
    cgroup_parent: JsonValue = None
    cgroupns_mode: JsonValue = None
    cpu_count: JsonValue = None
    cpu_percent: JsonValue = None
    cpu_period: JsonValue = None
    cpu_quota: JsonValue = None
    cpu_realtime_period: JsonValue = None
    cpu_realtime_runtime: JsonValue = None
    cpu_shares: int | None = None
    cpuset_cpus: str | None = None
    cpuset_mems: str | None = None
    device_cgroup_rules: JsonValue = None
    device_requests: JsonValue = None
    devices: tuple[Device, ...] = ()
    dns: JsonValue = None
    dns_options: JsonValue = None
    dns_search: JsonValue = None
    extra_hosts: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    init: bool | None = None
    ipc_mode: JsonValue = None
    isolation: JsonValue = None
    links: JsonValue = None
    log_config: Logging | None = None
    masked_paths: JsonValue = None
    memory: int | None = None
    """bytes"""
    memory_reservation: int | None = None
    memory_swap: int | None = None
    memory_swappiness: int | None = None
    mounts: JsonValue = None
    nano_cpus: int | None = None
    network_mode: str = ""
    oom_kill_disable: bool | None = None
    oom_score_adj: int | None = None
    pid_mode: str = ""
    pids_limit: int | None = None
    port_bindings: dict[Port, tuple[HostPort, ...]] = {}
    privileged: bool = False
    publish_all_ports: bool = False
    readonly_paths: JsonValue = None
    readonly_rootfs: bool = False
    restart_policy: JsonValue = None
    runtime: JsonValue = None
    security_opt: tuple[str, ...] = ()
    shm_size: int | None = None
    storage_opt: JsonValue = None
    sysctls: JsonValue = None
    tmpfs: dict[Annotated[str, Field(pattern="^/")], str] = {}
    ulimits: JsonValue = None
    userns_mode: JsonValue = None
    uts_mode: JsonValue = Field(default=None, alias="UTSMode")
    volume_driver: JsonValue = None
    volumes_from: JsonValue = None


class NetworkingConfig(_Docker):
    """The container's networks."""

    endpoints_config: dict[str, dict[str, JsonValue]] = {}
    """by the network's name"""


class CreateOptions(_Docker):
    """A container, as IoT Edge hands it to the container engine; image and environment come from elsewhere."""

    args_escaped: JsonValue = None
    attach_stderr: JsonValue = None
    attach_stdin: JsonValue = None
    attach_stdout: JsonValue = None
    cmd: JsonValue = None
    domainname: JsonValue = None
    entrypoint: JsonValue = None
    env: tuple[Variable, ...] = ()
    """a module's own `env` goes before these"""
    exposed_ports: dict[Port, dict[str, JsonValue]] = {}
    healthcheck: JsonValue = None
    host_config: HostConfig = HostConfig()
    hostname: str | None = None
    image: JsonValue = None
    labels: dict[str, str] = {}
    mac_address: JsonValue = None
    network_disabled: JsonValue = None
    networking_config: NetworkingConfig = NetworkingConfig()
    on_build: JsonValue = None
    open_stdin: JsonValue = None
    shell: JsonValue = None
    stdin_once: JsonValue = None
    stop_signal: str | None = None
    stop_timeout: Annotated[int, Field(ge=0)] | None = None
    """seconds from the stop signal to the kill"""
    tty: JsonValue = None
    user: str | None = None
    volumes: dict[str, dict[str, JsonValue]] = {}
    working_dir: str | None = None

    @property
    def on_the_host(self) -> Literal["yes", "half", "no"]:
        """Whether the container has the host's network; `half` where IoT Edge would add its own network to it."""
        said = (self.host_config.network_mode == "host", "host" in self.networking_config.endpoints_config)
        return "yes" if all(said) else "half" if any(said) else "no"
