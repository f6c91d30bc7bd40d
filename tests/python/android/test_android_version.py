# SPDX-License-Identifier: Apache-2.0
"""The Android library and app carry the package's version."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import ubp

ANDROID = Path(__file__).parents[3] / "android"
MAVEN = "{http://maven.apache.org/POM/4.0.0}"


@pytest.mark.parametrize("module", ["", "tflite", "library", "app"])
def test_maven(module: str) -> None:
    project = ElementTree.parse(ANDROID / module / "pom.xml").getroot()
    owner = project.find(f"{MAVEN}parent") if module else project
    assert owner is not None
    assert owner.findtext(f"{MAVEN}version") == ubp.__version__


def test_the_app() -> None:
    manifest = ElementTree.parse(ANDROID / "app" / "src" / "main" / "AndroidManifest.xml").getroot()
    name = "{http://schemas.android.com/apk/res/android}versionName"
    assert manifest.get(name) == ubp.__version__
