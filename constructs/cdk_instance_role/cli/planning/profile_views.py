"""Instance profiles as people know them, with the roles in them."""

from ...runtime.association.arn import name_of
from ..live.environment import Environment
from ..live.planned_observer import PlannedObserver
from ..model import ProfileView


class KnownProfiles:
    """The profiles that a plan talks about, each looked at once."""

    def __init__(self, environment: Environment, observer: PlannedObserver) -> None:
        self._environment, self._observer = environment, observer
        self._views: dict[str, ProfileView] = {}
        self._role_arns: dict[ProfileView, str | None] = {}

    def view(self, arn: str | None) -> ProfileView | None:
        """A profile, for people; None for none."""
        if arn is None:
            return None
        if arn not in self._views:
            found = self._observer.profile_now(arn)
            role = found.role_arn if found else None
            live = ProfileView(name_of(arn), name_of(role) if role else None, arn)
            self._views[arn] = self._environment.profile(arn) or live
            self._role_arns[self._views[arn]] = role
        return self._views[arn]

    def role_arn(self, view: ProfileView) -> str | None:
        """ARN of the role in a profile as it is; None if there is none, or it is not known."""
        return self._role_arns.get(view)
