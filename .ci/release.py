"""Everything that a release does to all distributions at once.

python .ci/release.py version 0.2.0    # writes a version wherever one stands, bounds and addresses with it
python .ci/release.py build dist       # builds and checks every sdist and wheel (.ci/requirements.txt)
"""

from __future__ import annotations

import argparse
import datetime
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
FOLDERS = [ROOT, *sorted(file.parent for file in ROOT.glob("plugins/*/pyproject.toml"))]
BOUND = re.compile(r"impasto>=\d+\.\d+,<\d+\.\d+")


def read(file: Path) -> str:
    """Return the text of a file."""
    return file.read_text(encoding="utf-8")


def project(folder: Path) -> dict:
    """Return what a distribution says of itself."""
    return tomllib.loads(read(folder / "pyproject.toml"))["project"]


def bound(version: str) -> str:
    """Return the requirement of a plugin that was written for a version: before 1.0 the second number may break it."""
    major, minor = (int(part) for part in version.split(".")[:2])
    return f"impasto>={major}.{minor},<{f'0.{minor + 1}' if major == 0 else f'{major + 1}.0'}"


def addresses(name: str) -> dict[str, str]:
    """Return the addresses of a plugin, which follow from those in the root's pyproject.toml."""
    host = project(ROOT)["urls"]
    return host | {
        "Homepage": f"{host['Source']}/tree/main/plugins/{name}",
        "Documentation": f"{host['Documentation']}plugins/{name}/",
    }


def replace(file: Path, pattern: str, text: str) -> None:
    """Write what stands for a pattern in a file; it has to be there."""
    written, count = re.subn(pattern, lambda _: text, read(file), count=1, flags=re.MULTILINE | re.DOTALL)
    if not count:
        raise ValueError(f"{file.relative_to(ROOT)}: it has no {pattern}")
    file.write_text(written, encoding="utf-8")


def set_version(version: str) -> None:
    """Write a version, what plugins require, and the addresses, wherever they stand."""
    if not re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", version):
        raise ValueError(f"version: {version!r} is none\n  what would work: 0.2.0 or 0.2.0rc1")
    for folder in FOLDERS:
        replace(folder / "pyproject.toml", r'^version = "[^"]*"', f'version = "{version}"')
    for folder in FOLDERS[1:]:
        lines = [f'{key} = "{address}"' for key, address in addresses(folder.name).items()]
        replace(folder / "pyproject.toml", r"(?<=^\[project\.urls\]\n).*?(?=\n\n)", "\n".join(lines))
    replace(ROOT / "core/impasto/__init__.py", r'^__version__ = "[^"]*"', f'__version__ = "{version}"')
    replace(ROOT / "CITATION.cff", r"^version: .*?$", f"version: {version}")
    replace(ROOT / "CITATION.cff", r"^date-released: .*?$", f"date-released: {datetime.date.today()}")
    listed = subprocess.run(["git", "ls-files", "*.toml", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    for file in (ROOT / name for name in listed.stdout.splitlines()):
        if file.name != "CHANGELOG.md" and BOUND.search(read(file)):
            file.write_text(BOUND.sub(bound(version), read(file)), encoding="utf-8")
    print(f"{version} everywhere, and {bound(version)}; CHANGELOG.md needs its headings")


def package_files(folder: Path) -> set[str]:
    """Return the files of a distribution's package as git has them, by their names in the wheel."""
    settings = tomllib.loads(read(folder / "pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    package = folder / settings["packages"][0]
    folders = {package: package.name} | {
        folder / here: there for here, there in settings.get("force-include", {}).items()
    }
    return {f"{there}/{name}" for here, there in folders.items() for name in git_files(here)}


def git_files(folder: Path) -> list[str]:
    """Return the files of a folder as git has them."""
    listed = subprocess.run(["git", "ls-files"], cwd=folder, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def check_wheel(folder: Path, wheel: Path) -> None:
    """Raise a `ValueError` where a wheel is not what its distribution has: its files, its licence, its addresses."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        about = next(name.split("/")[0] for name in names if ".dist-info/" in name)
        metadata = message_from_bytes(archive.read(f"{about}/METADATA"))
        licence = archive.read(f"{about}/licenses/LICENSE") if f"{about}/licenses/LICENSE" in names else b""
    packed = {name for name in names if not name.startswith(about)}
    here = package_files(folder)
    if packed != here:
        raise ValueError(f"{wheel.name}: it lacks {sorted(here - packed)} and has {sorted(packed - here)}")
    if not any(name.endswith("/py.typed") for name in packed):
        raise ValueError(f"{wheel.name}: it has no py.typed")
    if licence != (ROOT / "LICENSE").read_bytes():
        raise ValueError(f"{wheel.name}: it has no licence, or another")
    addresses = dict(line.split(", ", 1) for line in metadata.get_all("Project-URL", []))
    if metadata["Version"] != project(ROOT)["version"] or addresses != project(folder)["urls"]:
        raise ValueError(f"{wheel.name}: it says version {metadata['Version']} and {addresses}")


def check_sdist(sdist: Path) -> None:
    """Raise a `ValueError` where a source distribution has no licence."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    if missing := {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO"} - names:
        raise ValueError(f"{sdist.name}: it lacks {sorted(missing)}")


def build(target: Path) -> None:
    """Build every distribution, the wheel from its sdist, and check what came out."""
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise ValueError(f"build: {target} is not empty\n  what would work: another folder, or that one emptied")
    for folder in FOLDERS:
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"build: {folder.name} does not build\n{done.stdout}{done.stderr}")
        stem = f"{project(folder)['name'].replace('-', '_')}-{project(folder)['version']}"
        check_sdist(target / f"{stem}.tar.gz")
        check_wheel(folder, target / f"{stem}-py3-none-any.whl")
        print(stem, flush=True)
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *map(str, target.iterdir())], check=True)


def main() -> None:
    """Do what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("version", help="write a version wherever one stands").add_argument("version")
    commands.add_parser("build", help="build and check all sdists and wheels").add_argument("target", type=Path)
    given = parser.parse_args()
    try:
        set_version(given.version) if given.command == "version" else build(given.target)
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
