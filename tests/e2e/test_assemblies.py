"""What the tests synthesize in their own process is what the CDK CLI writes."""

from pathlib import Path

from localaws.cdk import Cdk
from localaws.ministack import LocalAws
from localaws.validation import WITHOUT_VALIDATION
from tests.e2e.assemblies import SynthesizedOnce
from tests.e2e.commands import Commands

ENTRY = {
    "instance_ids": ["i-0123456789abcdef0"],
    "managed_policies": ["AmazonS3ReadOnlyAccess"],
    "replaces": ["Old"],
    "settings": {"max_policies": 20},
}


def test_an_assembly_is_the_same_as_that_of_the_cli(tmp_path: Path) -> None:
    aws = LocalAws(tmp_path)  # it does not run, and no synthesis needs it
    aws.environment |= WITHOUT_VALIDATION
    context = {"instance_roles": {"web": ENTRY}}
    written = Cdk(aws).synth(tmp_path / "cdk.out", context)
    assert written.ok, written.output
    assembly = files(SynthesizedOnce(Commands(aws), tmp_path / "assemblies").assembly(context))
    assert assembly.keys() > {"manifest.json", "InstanceRole-web.template.json", "InstanceRole-web.assets.json"}
    assert assembly == files(tmp_path / "cdk.out")


def files(folder: Path) -> dict[str, bytes]:
    """The content of all files, by their paths in the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
