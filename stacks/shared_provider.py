"""One provider for all entries of an account and Region, in a stack of its own."""

from aws_cdk import App, Environment, Stack

from cdk_instance_role import AssociationProvider

from .company_rules import apply_to_all_resources, new_provider
from .config import RoleEntry, SettingsEntry

STACK_ID = "InstanceRoleProvider"


class SharedProviders:
    """The providers that entries share where ``shared_provider`` says so, each made on first use."""

    def __init__(self, app: App, common: SettingsEntry | None) -> None:
        """
        Args:
            app: the app.
            common: the settings for all entries.
        """
        self._app, self._common = app, common
        self._providers: dict[tuple[str | None, str | None], AssociationProvider] = {}

    def provider_of(self, entry: RoleEntry, env: Environment) -> AssociationProvider | None:
        """The provider of an entry; None if it has one of its own, in its stack.

        Args:
            entry: the entry. All that share a provider have the same settings for it.
            env: account and Region of its stack.
        """
        if self._common is None or not self._common.shared_provider:
            return None
        place = env.account, env.region
        if place not in self._providers:
            self._providers[place] = self._new(entry.settings or self._common, env)
        return self._providers[place]

    def _new(self, settings: SettingsEntry, env: Environment) -> AssociationProvider:
        # What an entry says of its account and Region is in the id: an entry for another one must not change the id of
        # a stack that is deployed.
        stack = Stack(self._app, "-".join([STACK_ID, *filter(None, (env.account, env.region))]), env=env)
        assert self._common
        apply_to_all_resources(stack, self._common)
        return new_provider(stack, settings) or AssociationProvider(stack, AssociationProvider.DEFAULT_ID)
