"""The list of what is installed with the package, in CycloneDX, made from the lock file."""

import re
from typing import Any

_PIN = re.compile(r"^([a-zA-Z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def sbom(name: str, version: str, lock: str) -> dict[str, Any]:
    """The bill of materials of a version: itself, and every pinned package of the lock file.

    The hashes are those of all files of a package, so they are left out: a component of CycloneDX is one of them.
    """
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component(name, version)},
        "components": [_component(*pin) for pin in _PIN.findall(lock)],
    }


def _component(name: str, version: str) -> dict[str, str]:
    url = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    return {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url}
