"""What IAM says to a call, and what it asks for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.simulator import authority
from tests.simulator.authority import Attempt, Authority, Decision, denial
from tests.simulator.clock import VirtualClock
from tests.simulator.evaluator import load

ASSOCIATE = "ec2:AssociateIamInstanceProfile"
INSTANCES = "arn:aws:ec2:eu-west-1:111122223333:instance"
INSTANCE, OTHER = f"{INSTANCES}/i-0123456789abcdef0", f"{INSTANCES}/i-0fedcba9876543210"
PROFILES = "arn:aws:iam::111122223333:instance-profile"
WEB, OLD = f"{PROFILES}/Web", f"{PROFILES}/Old"
ROLE = "arn:aws:iam::111122223333:role/Web"
TABLE = "arn:aws:dynamodb:eu-west-1:111122223333:table/Ledger"


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: str | Sequence[str] = ASSOCIATE, resource: str = INSTANCE, **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}


def holding(*statements: Mapping[str, Any]) -> Authority:
    return Authority({"Policy": policy(*statements)})


def attempt(action: str = ASSOCIATE, resource: str = INSTANCE, **keys: str) -> Attempt:
    """An attempt with condition keys of EC2."""
    return Attempt(action, resource, {f"ec2:{key}": value for key, value in keys.items()})


def tagged(**tags: str) -> Attempt:
    return Attempt(ASSOCIATE, INSTANCE, {f"aws:ResourceTag/{key}": value for key, value in tags.items()})


def test_a_call_that_no_statement_allows_is_denied() -> None:
    assert not Authority().allows(attempt())


def test_a_call_that_a_statement_allows_is_allowed() -> None:
    assert holding(allow()).allows(attempt())


def test_a_statement_allows_no_other_action() -> None:
    assert not holding(allow()).allows(attempt("ec2:DisassociateIamInstanceProfile"))


def test_a_statement_allows_no_other_resource() -> None:
    assert not holding(allow()).allows(attempt(resource=OTHER))


def test_a_denial_overrides_an_allowance() -> None:
    assert not holding(allow(), {**allow(), "Effect": "Deny"}).allows(attempt())


def test_one_of_several_actions_is_enough() -> None:
    assert holding(allow(["iam:PassRole", ASSOCIATE])).allows(attempt())


def test_the_name_of_an_action_is_not_case_sensitive() -> None:
    assert holding(allow("EC2:associateiaminstanceprofile")).allows(attempt())


def test_a_resource_may_have_wildcards() -> None:
    assert holding(allow(resource=f"{INSTANCES}/*")).allows(attempt())


def test_a_resource_is_case_sensitive() -> None:
    assert not holding(allow(resource=INSTANCE.upper())).allows(attempt())


def test_arn_like_may_have_wildcards() -> None:
    on_any_profile = holding(allow(ArnLike={"ec2:NewInstanceProfile": [f"{PROFILES}/*"]}))
    assert on_any_profile.allows(attempt(NewInstanceProfile=WEB))


def test_a_wildcard_for_a_path_does_not_match_a_profile_without_a_path() -> None:
    with_path = holding(allow(ArnLike={"ec2:NewInstanceProfile": [f"{PROFILES}/path/*"]}))
    assert not with_path.allows(attempt(NewInstanceProfile=WEB))


def test_one_of_several_values_is_enough() -> None:
    assert holding(allow(ArnLike={"ec2:NewInstanceProfile": [OLD, WEB]})).allows(attempt(NewInstanceProfile=WEB))


def test_every_condition_has_to_hold() -> None:
    from_old_to_web = holding(allow(ArnLike={"ec2:InstanceProfile": [OLD], "ec2:NewInstanceProfile": [WEB]}))
    assert not from_old_to_web.allows(attempt(InstanceProfile=WEB, NewInstanceProfile=WEB))


def test_a_condition_on_a_missing_key_does_not_hold() -> None:
    assert not holding(allow(ArnLike={"ec2:InstanceProfile": [f"{PROFILES}/*"]})).allows(attempt())


def test_a_condition_with_if_exists_holds_for_a_missing_key() -> None:
    assert holding(allow(ArnLikeIfExists={"ec2:NewInstanceProfile": [WEB]})).allows(attempt())


def test_a_condition_with_if_exists_does_not_hold_for_another_value() -> None:
    to_web = holding(allow(ArnLikeIfExists={"ec2:NewInstanceProfile": [WEB]}))
    assert not to_web.allows(attempt(NewInstanceProfile=OLD))


def test_null_holds_for_a_missing_key() -> None:
    assert holding(allow(Null={"ec2:InstanceProfile": "true"})).allows(attempt())


def test_null_does_not_hold_for_a_key_that_is_there() -> None:
    assert not holding(allow(Null={"ec2:InstanceProfile": "true"})).allows(attempt(InstanceProfile=WEB))


def test_the_name_of_a_condition_key_is_not_case_sensitive() -> None:
    assert holding(allow(ArnLike={"EC2:newinstanceprofile": [WEB]})).allows(attempt(NewInstanceProfile=WEB))


def test_every_tag_has_to_match() -> None:
    web_in_production = holding(allow(StringEquals={"aws:ResourceTag/app": ["web"], "aws:ResourceTag/env": ["prod"]}))
    assert web_in_production.allows(tagged(app="web", env="prod"))
    assert not web_in_production.allows(tagged(app="web", env="test"))


def test_an_instance_without_the_tag_does_not_match() -> None:
    assert not holding(allow(StringEquals={"aws:ResourceTag/app": ["web"]})).allows(tagged(env="prod"))


def test_a_tag_value_is_not_a_pattern() -> None:
    assert not holding(allow(StringEquals={"aws:ResourceTag/app": ["w*"]})).allows(tagged(app="web"))


def test_a_tag_value_is_case_sensitive() -> None:
    assert not holding(allow(StringEquals={"aws:ResourceTag/app": ["Web"]})).allows(tagged(app="web"))


def test_a_role_that_may_be_passed_to_ec2_may_be_passed_to_nothing_else() -> None:
    to_ec2 = holding(allow("iam:PassRole", ROLE, StringEquals={"iam:PassedToService": "ec2.amazonaws.com"}))
    assert to_ec2.refused(authority.pass_role(ROLE)) is None
    assert not to_ec2.allows(Attempt("iam:PassRole", ROLE, {"iam:PassedToService": "lambda.amazonaws.com"}))


def test_policies_add_up() -> None:
    both = Authority({"One": policy(allow()), "Other": policy(allow(resource=OTHER))})
    assert both.refused([attempt(), attempt(resource=OTHER)]) is None


def test_a_call_is_refused_for_the_first_attempt_that_is_not_allowed() -> None:
    call = authority.associate(INSTANCE, {}, None, WEB, ROLE)
    assert holding(allow()).refused(call) == call[1]


def test_a_detached_policy_no_longer_allows_anything() -> None:
    role = holding(allow())
    role.detach("Policy")
    assert not role.allows(attempt())


def test_a_policy_of_the_same_name_takes_the_place_of_the_former() -> None:
    role = holding(allow())
    role.attach("Policy", policy(allow(resource=OTHER)))
    assert not role.allows(attempt())


def test_a_policy_is_in_force_only_after_a_while() -> None:
    clock = VirtualClock()
    role = Authority(clock=clock)
    role.attach("Policy", policy(allow()), after=20)
    assert not role.allows(attempt())
    clock.sleep(20)
    assert role.allows(attempt())


def test_until_a_new_policy_is_in_force_the_former_content_is() -> None:
    clock = VirtualClock()
    role = Authority({"Policy": policy(allow())}, clock=clock)
    role.attach("Policy", policy(allow(resource=OTHER)), after=20)
    assert [role.allows(attempt()), role.allows(attempt(resource=OTHER))] == [True, False]
    clock.sleep(20)
    assert [role.allows(attempt()), role.allows(attempt(resource=OTHER))] == [False, True]


def test_remembers_its_decisions_and_the_policies_behind_them() -> None:
    one, other = allow(), allow(resource=OTHER)
    role = holding(one)
    role.allows(attempt())
    role.allows(attempt())
    role.attach("Another", policy(other))
    role.refused([attempt(resource=INSTANCES)])
    assert role.decisions == [
        Decision(attempt(), True, (one,)),
        Decision(attempt(resource=INSTANCES), False, (one, other)),
    ]


def test_fails_when_a_policy_is_invalid() -> None:
    with pytest.raises(ValueError, match="policy Policy: Statement 0 has invalid Effect: Perhaps"):
        holding({**allow(), "Effect": "Perhaps"})


def test_fails_when_a_policy_has_a_variable_that_the_evaluator_does_not_support() -> None:
    with pytest.raises(ValueError, match="policy Policy has a policy variable"):
        holding(allow(StringEquals={"aws:ResourceTag/app": ["${aws:PrincipalAccount}"]}))


def test_a_single_statement_needs_no_brackets() -> None:
    assert Authority({"Policy": {"Version": "2012-10-17", "Statement": allow()}}).allows(attempt())


def test_statements_are_identified_by_policy_and_position() -> None:
    one, other = allow(), allow(resource=OTHER)
    assert holding(one, other).statements() == [("Policy", 0, one), ("Policy", 1, other)]


def test_a_copy_without_a_statement_lacks_only_that() -> None:
    copy = holding(allow(), allow(resource=OTHER)).without("Policy", 0)
    assert [copy.allows(attempt()), copy.allows(attempt(resource=OTHER))] == [False, True]


def test_the_original_keeps_the_statement_that_its_copy_lacks() -> None:
    role = holding(allow())
    assert not role.without("Policy", 0).allows(attempt())
    assert role.allows(attempt())


def test_associate_needs_the_right_to_pass_the_role_to_ec2() -> None:
    call = authority.associate(INSTANCE, {"app": "web"}, None, WEB, ROLE)
    assert call == [
        Attempt(ASSOCIATE, INSTANCE, {"ec2:NewInstanceProfile": WEB, "aws:ResourceTag/app": "web"}),
        Attempt("iam:PassRole", ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}),
    ]


def test_replace_has_condition_keys_for_the_old_profile_and_the_new_one() -> None:
    change, pass_role = authority.replace(INSTANCE, {}, OLD, WEB, ROLE)
    keys = {"ec2:InstanceProfile": OLD, "ec2:NewInstanceProfile": WEB}
    assert change == Attempt("ec2:ReplaceIamInstanceProfileAssociation", INSTANCE, keys)
    assert pass_role.action == "iam:PassRole"


def test_disassociate_passes_no_role() -> None:
    assert authority.disassociate(INSTANCE, {}, OLD) == [
        Attempt("ec2:DisassociateIamInstanceProfile", INSTANCE, {"ec2:InstanceProfile": OLD})
    ]


def test_a_profile_without_a_role_passes_no_role() -> None:
    assert [one.action for one in authority.associate(INSTANCE, {}, None, WEB, None)] == [ASSOCIATE]


def test_describing_instances_has_no_resource() -> None:
    assert authority.describe("ec2:DescribeInstances") == [Attempt("ec2:DescribeInstances", "*")]


def test_getting_a_profile_has_that_profile_as_its_resource() -> None:
    assert authority.get_instance_profile(WEB) == [Attempt("iam:GetInstanceProfile", WEB)]


def test_a_call_of_dynamodb_has_the_table_as_its_resource() -> None:
    assert authority.dynamodb("UpdateItem", {}, TABLE) == [Attempt("dynamodb:UpdateItem", TABLE)]


def test_a_transaction_needs_the_right_to_each_kind_of_write_in_it() -> None:
    request: dict[str, Any] = {"TransactItems": [{"Put": {}}, {"Delete": {}}, {"Put": {}}]}
    assert authority.dynamodb("TransactWriteItems", request, TABLE) == [
        Attempt("dynamodb:PutItem", TABLE),
        Attempt("dynamodb:DeleteItem", TABLE),
    ]


def test_a_denial_of_ec2_names_the_caller_the_action_and_the_resource() -> None:
    assert denial(attempt(), "arn:aws:sts::111122223333:assumed-role/Role/Session") == (
        "You are not authorized to perform this operation. "
        "User: arn:aws:sts::111122223333:assumed-role/Role/Session is not authorized to perform: "
        f"ec2:AssociateIamInstanceProfile on resource: {INSTANCE} "
        "because no identity-based policy allows the ec2:AssociateIamInstanceProfile action"
    )


def test_ec2_says_that_a_role_may_not_be_passed() -> None:
    assert denial(authority.pass_role(ROLE)[0]).startswith("You are not authorized to perform this operation. User: ")


def test_a_denial_of_iam_begins_with_the_caller() -> None:
    assert denial(authority.get_instance_profile(WEB)[0]).startswith("User: arn:aws:sts::")


def test_fails_when_ministack_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"MiniStack, .* is not installed: run `make setup`"):
        load(tmp_path)
