"""Which events of EC2 start a look at an instance."""

import json

from cdk_instance_role.provider_resources.event_pattern import event_pattern

STATE_CHANGES = {
    "source": ["aws.ec2"],
    "detail-type": ["EC2 Instance State-change Notification"],
    "detail": {"state": ["running", "stopped"]},
}


def tag_changes(**keys: list[str]) -> dict[str, object]:
    return {
        "source": ["aws.tag"],
        "detail-type": ["Tag Change on Resource"],
        "detail": {"service": ["ec2"], "resource-type": ["instance"], **keys},
    }


def test_without_tags_in_the_selection_only_state_changes_match() -> None:
    assert event_pattern([]) == STATE_CHANGES


def test_changes_of_the_selecting_keys_match_with_any_value() -> None:
    changes = tag_changes(**{"changed-tag-keys": ["app", "env"]})
    assert event_pattern(["env", "app", "env"]) == {"$or": [STATE_CHANGES, changes]}


def test_a_pattern_names_keys_up_to_1500_characters_and_beyond_that_matches_all_keys() -> None:
    empty = len(json.dumps(event_pattern(["k"]))) - 1
    longest = event_pattern(["k" * (1500 - empty)])

    assert len(json.dumps(longest)) == 1500
    assert "changed-tag-keys" in longest["$or"][1]["detail"]
    assert event_pattern(["k" * (1501 - empty)]) == {"$or": [STATE_CHANGES, tag_changes()]}
