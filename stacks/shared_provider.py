"""One provider for all entries of an account and Region, in a stack of its own."""

from collections.abc import Sequence

from aws_cdk import App, Environment, Stack

from cdk_instance_role import AssociationProvider

from .company_rules import apply_to_all_resources, new_provider
from .config import Placed, SettingsEntry
from .provider_settings import Place, shared_settings

STACK_ID = "InstanceRoleProvider"


class SharedProviders:
    """The providers that entries share where ``shared_provider`` says so, each made on first use."""

    def __init__(self, app: App, common: SettingsEntry | None, stacks: Sequence[Placed]) -> None:
        """
        Args:
            app: the app.
            common: the settings for all entries.
            stacks: all entries in their accounts and Regions.
        """
        self._app = app
        self._settings = shared_settings(stacks, common) if common and common.shared_provider else {}
        self._providers: dict[Place, AssociationProvider] = {}

    def provider_of(self, env: Environment) -> AssociationProvider | None:
        """The provider of an entry; None if it has one of its own, in its stack.

        Args:
            env: account and Region of its stack.
        """
        place = env.account, env.region
        if place in self._settings and place not in self._providers:
            self._providers[place] = self._new(self._settings[place], env)
        return self._providers.get(place)

    def _new(self, settings: SettingsEntry, env: Environment) -> AssociationProvider:
        # What an entry says of its account and Region is in the id: an entry for another one must not change the id of
        # a stack that is deployed.
        stack = Stack(self._app, "-".join([STACK_ID, *filter(None, (env.account, env.region))]), env=env)
        apply_to_all_resources(stack, settings)
        return new_provider(stack, settings) or AssociationProvider(stack, AssociationProvider.DEFAULT_ID)
