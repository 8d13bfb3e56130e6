"""The function that changes associations, and the functions of the provider framework."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from aws_cdk import Duration, Stack, custom_resources
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from ..handler_permissions.policy_resource import CUSTOMIZED_ROLES
from ..handler_permissions.statements import observe_statement
from ..runtime.association.contract import (
    LEDGER_TABLE_VARIABLE,
    LOG_GROUP_VARIABLE,
    MAX_ENFORCEMENT_SECONDS,
    MAX_INVOCATION_SECONDS,
    QUEUE_VARIABLE,
)
from .encryption import service_statement, variables_statement, waiter_statement
from .network import Network, network_interface_statements
from .provider_settings import ProviderSettings
from .queues import enforcement_statements
from .storage import use_ledger, write_log

_RUNTIME = Path(__file__).parents[1] / "runtime"
QUERY_SECONDS = 5
MEMORY_MIB = 1769
"""With so much a function has a whole processor, and a look at thousands of instances takes one some seconds:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
_TRACE_ACTIONS = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")
_SAMPLING_ACTIONS = ("xray:GetSamplingRules", "xray:GetSamplingTargets")


class Functions:
    """The functions of a provider, their roles, and the waiter.

    Each setting reaches all of them. What the provider framework does not take, `_apply_settings` sets on its
    resources.
    """

    def __init__(
        self, scope: Construct, settings: ProviderSettings, ledger: dynamodb.ITable, log_group: logs.ILogGroup
    ) -> None:
        """
        Args:
            scope: the provider.
            settings: its settings.
            ledger: the table.
            log_group: of all functions.
        """
        self._scope, self._settings, self._ledger, self._log_group = scope, settings, ledger, log_group
        self._network = Network.of(scope, settings)
        # Bytecode is not source: it would change the asset's hash from one synthesis to the next.
        self._code = lambda_.Code.from_asset(str(_RUNTIME), exclude=["**/__pycache__", "**/*.pyc"])
        self._rights = self._document([observe_statement(), *self._ledger_statements()])
        self.handler_role = self._role(
            "HandlerRole", "Handler", self._rights, "Associates instance profiles with existing EC2 instances"
        )
        self.handler = self._function(
            scope,
            "Handler",
            "Associates instance profiles with existing EC2 instances, and restores their previous profiles",
            "handle",
            MAX_INVOCATION_SECONDS,
        )
        framework = self._framework()
        self.service_token = framework.service_token
        self._apply_settings(framework)

    def new_enforcer(self, scope: Construct, queue: sqs.IQueue, concurrency: int) -> lambda_.Function:
        """The function that takes messages from a queue, with the code, the role and the settings of the handler.

        Args:
            scope: parent construct.
            queue: the queue.
            concurrency: executions that its event source runs at most. Where the settings reserve executions for each
                function, this one gets exactly as many: with fewer, Lambda would refuse some, and their messages could
                be lost; more are never used.
        """
        self._allow(enforcement_statements(Stack.of(scope), queue))
        function = self._function(
            scope,
            "Handler",
            "Enforces instance profiles between deployments",
            "handle_messages",
            MAX_ENFORCEMENT_SECONDS,
            {QUEUE_VARIABLE: queue.queue_url},
        )
        resource = function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)
        self._apply_to_function(resource)
        if self._settings.reserved_concurrent_executions is not None:
            resource.reserved_concurrent_executions = concurrency
        return function

    def _allow(self, statements: Sequence[iam.PolicyStatement]) -> None:
        """Give the handler further permissions, in the policy that it has already."""
        if self._scope.node.try_get_context(CUSTOMIZED_ROLES) is None:
            self._rights.add_statements(*statements)
            return
        for statement in statements:  # the report has what a role was made with, and what it gets like this
            self.handler_role.add_to_principal_policy(statement)

    def _function(
        self,
        scope: Construct,
        id: str,
        description: str,
        entry: str,
        timeout: int,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> lambda_.Function:
        """A function of ours; all have one code, one role and one log group."""
        return lambda_.Function(
            scope,
            id,
            description=description,
            runtime=self._settings.runtime,
            handler=f"association.entry.{entry}",
            code=self._code,
            role=self.handler_role,
            timeout=Duration.seconds(timeout),
            memory_size=MEMORY_MIB,
            environment={
                LEDGER_TABLE_VARIABLE: self._ledger.table_name,
                LOG_GROUP_VARIABLE: self._log_group.log_group_name,
                **variables,
            },
            environment_encryption=self._settings.encryption_key,
            log_group=self._log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            **(self._network.props if self._network else {}),
        )

    def _framework(self) -> custom_resources.Provider:
        return custom_resources.Provider(
            self._scope,
            "Framework",
            on_event_handler=self.handler,
            is_complete_handler=self.handler,
            query_interval=Duration.seconds(QUERY_SECONDS),
            total_timeout=Duration.hours(1),
            log_group=self._log_group,
            # The framework asks again by throwing the whole event, and Lambda logs what is thrown: with the signed URL
            # by which anyone could answer CloudFormation. What there is to say, the handler says.
            framework_lambda_logging_level=lambda_.ApplicationLogLevel.FATAL,
            framework_on_event_role=self._role("OnEventRole", "Log", self._document()),
            # The functions behind the waiter do the same job with the same permissions.
            framework_complete_and_timeout_role=self._role("WaiterRole", "Log", self._document()),
            provider_function_env_encryption=self._settings.encryption_key,
            **(self._network.props if self._network else {}),
        )

    def _document(self, statements: Iterable[iam.PolicyStatement] = ()) -> iam.PolicyDocument:
        """What a role may do, with all that a function needs under the settings."""
        needed = [*statements, write_log(self._log_group)]
        if self._network:
            needed += network_interface_statements()
        if self._settings.encryption_key:
            needed.append(variables_statement(self._settings.encryption_key, Stack.of(self._scope)))
        if self._settings.traces:
            needed.append(iam.PolicyStatement(actions=[*_TRACE_ACTIONS], resources=["*"]))
        return iam.PolicyDocument(statements=needed)

    def _ledger_statements(self) -> Iterator[iam.PolicyStatement]:
        """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html"""
        yield use_ledger(self._ledger)
        if self._settings.encryption_key:
            yield service_statement(self._settings.encryption_key, Stack.of(self._scope), "dynamodb", "kms:Decrypt")

    def _role(self, id: str, policy: str, document: iam.PolicyDocument, description: str | None = None) -> iam.Role:
        """The role of a function. Those that the CDK makes may write to every log group, and lack what a role needs for
        a VPC or a key."""
        return iam.Role(
            self._scope,
            id,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=description,
            inline_policies={policy: document},
        )

    def _apply_settings(self, framework: custom_resources.Provider) -> None:
        """Set what `custom_resources.Provider` of aws-cdk-lib 2.275 does not take, on the resources that it makes. The
        handler gets the same, so that no setting is applied in two ways."""
        functions = [one for one in self._scope.node.find_all() if isinstance(one, lambda_.CfnFunction)]
        for function in functions:
            self._apply_to_function(function)
        machine = framework.node.find_child("waiter-state-machine")
        role, resource = machine.node.find_child("Role"), machine.node.find_child("Resource")
        assert isinstance(role, iam.Role)
        assert isinstance(resource, stepfunctions.CfnStateMachine)
        self._apply_to_waiter(role, resource)

    def _apply_to_function(self, function: lambda_.CfnFunction) -> None:
        settings = self._settings
        if settings.architecture:
            function.architectures = [settings.architecture.name]
        if settings.tracing:
            function.tracing_config = lambda_.CfnFunction.TracingConfigProperty(mode=_MODES[settings.tracing])
        if settings.reserved_concurrent_executions is not None:
            function.reserved_concurrent_executions = settings.reserved_concurrent_executions
        if self._network:  # endpoints and rules of the app are there before the functions, and go after them
            function.node.add_dependency(self._network.vpc, *self._network.security_groups)

    def _apply_to_waiter(self, role: iam.Role, machine: stepfunctions.CfnStateMachine) -> None:
        key = self._settings.encryption_key
        if key:
            role.add_to_principal_policy(waiter_statement(key, role.stack))
            machine.encryption_configuration = stepfunctions.CfnStateMachine.EncryptionConfigurationProperty(
                type="CUSTOMER_MANAGED_KMS_KEY", kms_key_id=key.key_arn
            )
        if self._settings.tracing is lambda_.Tracing.ACTIVE:
            actions = [*_TRACE_ACTIONS, *_SAMPLING_ACTIONS]
            role.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=["*"]))
            machine.tracing_configuration = stepfunctions.CfnStateMachine.TracingConfigurationProperty(enabled=True)


_MODES = {
    lambda_.Tracing.ACTIVE: "Active",
    lambda_.Tracing.PASS_THROUGH: "PassThrough",
    lambda_.Tracing.DISABLED: "PassThrough",
}
