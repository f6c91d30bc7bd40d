# SPDX-License-Identifier: Apache-2.0
"""The folder that the demo writes. In it the names of FILES are its own; no other is touched.

INDEX is written first and marks the folder as the demo's: a folder that already has a file of one
of these names, but no such index, belongs to somebody else and is refused.
"""

from __future__ import annotations

from pathlib import Path

INDEX = "ABOUT.txt"
_INDEX_TITLE = "Made by the demo of UBP for TensorFlow Lite (./run demo)."

FILES = {
    "table.txt": "the table of results",
    "picture.png": "which weights are kept, and the speed-up of every layer",
    "digits_dense.tflite": "the network that reads digits, trained dense",
    "digits_unaligned_pruned.tflite": "pruned in unaligned blocks, not converted",
    "digits_unaligned_ubp.tflite": "the same, converted: needs the UBP delegate",
    "digits_aligned_pruned.tflite": "pruned in aligned blocks, not converted",
    "digits_aligned_ubp.tflite": "the same, converted: needs the UBP delegate",
    "digits_unstructured_pruned.tflite": "pruned weight by weight, not converted",
    "digits_unstructured_ubp.tflite": "the same, converted: needs the UBP delegate",
    "mobilenet_dense.tflite": "MobileNet with random weights",
    "mobilenet_unaligned_pruned.tflite": "pruned in unaligned blocks, not converted",
    "mobilenet_unaligned_ubp.tflite": "the same, converted: needs the UBP delegate",
}


class OutputFolder:
    """A folder that is the demo's to write.

    Args:
        path: made if it does not exist.

    Raises:
        FileExistsError: if `path` is a file, or has files of the demo's names that the demo did not
            make.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() and not path.is_dir():
            raise FileExistsError(f"{path} is a file; name a folder with --output.")
        index = path / INDEX
        if not _is_ours(index):
            taken = [name for name in (INDEX, *FILES) if (path / name).exists()]
            if taken:
                raise FileExistsError(
                    f"{path} has a file {taken[0]} that this demo did not make; name another "
                    "folder with --output."
                )
        path.mkdir(parents=True, exist_ok=True)
        index.write_text(_index_text())
        self.path = path

    def file(self, name: str) -> Path:
        """The path of one of FILES, which may be overwritten."""
        if name not in FILES:
            raise KeyError(f"{name} is not one of the demo's files: {', '.join(FILES)}")
        return self.path / name


def _is_ours(index: Path) -> bool:
    return index.is_file() and index.read_text(errors="replace").startswith(_INDEX_TITLE)


def _index_text() -> str:
    width = max(map(len, FILES))
    lines = (f"{name:<{width}}  {description}" for name, description in FILES.items())
    return (
        "\n".join(
            [
                _INDEX_TITLE,
                "It overwrites these files when it runs again, and no others:",
                "",
                *lines,
            ]
        )
        + "\n"
    )
