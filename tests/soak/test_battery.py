"""Every knob of the hub is in the battery, and the order is the seed's."""

from itertools import islice

from edge_agent.localhub.faults import DropHow, Faults, faults_told, turn
from edge_agent.uplink.deliver import UNREACHABLE
from tests.soak.battery import FAULTS, trials


def test_every_knob_of_the_hub_is_turned_and_every_knob_exists() -> None:
    turned = {name for fault in FAULTS for name in fault.knobs}

    assert turned == {name for name in faults_told(Faults()) if "workload" not in name}, "a soak asks no workload API"
    for fault in FAULTS:
        turn(Faults(), fault.knobs)


def test_a_connection_is_dropped_at_each_moment_of_an_ack() -> None:
    assert {fault.knobs["drop_how"] for fault in FAULTS if "drop_how" in fault.knobs} == {how.value for how in DropHow}


def test_each_fault_comes_once_in_order_and_then_all_at_random() -> None:
    first, second, third = (
        [trial.fault for trial in islice(trials(7, hurried=False), turn * len(FAULTS), (turn + 1) * len(FAULTS))]
        for turn in range(3)
    )

    assert first == list(FAULTS)
    assert second != first
    assert third != second
    assert sorted(fault.name for fault in second) == sorted(fault.name for fault in FAULTS)


def test_a_hurried_soak_tries_each_fault_once_in_less_than_a_minute_of_faults() -> None:
    tried = list(trials(7, hurried=True))

    assert {trial.fault.name for trial in tried} == {fault.name for fault in FAULTS}
    assert len(tried) == len(FAULTS)
    assert sum(trial.lasts_s + trial.healthy_s for trial in tried) < 75


def test_a_seed_is_an_order_and_between_faults_the_back_off_begins_anew() -> None:
    tried = list(islice(trials(3, hurried=False), 50))

    assert tried == list(islice(trials(3, hurried=False), 50))
    assert tried != list(islice(trials(4, hurried=False), 50))
    assert min(trial.healthy_s for trial in tried) > UNREACHABLE.healthy_s
