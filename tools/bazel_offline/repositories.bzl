# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the repositories that Bazel's own tools would download."""

def bazel_offline_repositories():
    """Declares the stand-ins when this Bazel is Debian's.

    Debian builds Bazel from source without a version label and without the archives that a released Bazel downloads (or
    bundles), so that it works without a network only if these are declared. A released Bazel keeps its own.
    """
    if native.bazel_version:
        return
    for repository in ["rules_cc", "rules_java", "remote_coverage_tools"]:
        native.local_repository(
            name = repository,
            path = "tools/bazel_offline/" + repository,
        )
