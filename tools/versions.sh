# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by `run`: the Python tests with the oldest and with the newest versions of all dependencies that pyproject.toml allows,
# each in a virtual environment of its own, .deps/oldest and .deps/newest. .venv has what was newest when it was made. In .deps/torch
# there is PyTorch, too, which is several GB on x86-64, where its wheels bring CUDA.

missing_oldest_packages() { :; }
missing_newest_packages() { :; }
missing_torch_packages() { :; }

missing_torch_downloads() {
  versions_installed torch || echo "PyTorch and the Python packages of pyproject.toml into .deps/torch, several GB"
}

fetch_torch() {
  ! versions_installed torch || return 0
  install_versions torch
  python_packages_state >.deps/torch/installed
}

missing_oldest_downloads() {
  versions_installed oldest || echo "the oldest versions of the Python packages of pyproject.toml into .deps/oldest, TensorFlow among them"
}

missing_newest_downloads() {
  echo "the newest versions of the Python packages of pyproject.toml into .deps/newest, where they are not there yet"
}

# versions_installed oldest|torch: whether they are what pyproject.toml asks for now.
versions_installed() {
  [[ -e .deps/$1/installed && $(<".deps/$1/installed") == "$(python_packages_state)" ]]
}

fetch_oldest() {
  ! versions_installed oldest || return 0
  mkdir -p .deps
  "$(find_python)" tools/requirements.py >.deps/oldest.txt
  install_versions oldest --constraint .deps/oldest.txt
  python_packages_state >.deps/oldest/installed
}

fetch_newest() {
  install_versions newest --upgrade --upgrade-strategy eager
}

# install_versions oldest|newest|torch OPTION...: installs the package's requirements into .deps/oldest, .deps/newest or .deps/torch
# as pip's options say.
install_versions() {
  local environment=.deps/$1 extras=train,jax,report,search,dev,docs
  [[ $1 != torch ]] || extras=$extras,torch
  logged "$1-venv" "making $environment with $(find_python)" "$(find_python)" -m venv "$environment"
  logged "$1-pip" "installing the $1 versions" "$environment/bin/python" -m pip install "${@:2}" --editable ".[$extras]"
}

# version_tests oldest|newest [ARGUMENT...]: what follows goes to pytest.
version_tests() {
  echo "Python tests with the $1 versions, without the slow ones"
  ".deps/$1/bin/python" -m pytest -n 2 --dist loadfile -m "not slow" "${@:2}"
}

# torch_tests [ARGUMENT...]: those that run a program on each backend of Keras, and those of ubp.torch.
torch_tests() {
  .deps/torch/bin/python -m pytest tests/python/pruning/test_backends.py tests/python/examples/test_any_backend.py tests/python/pytorch \
    "tests/python/docs/test_docs_code.py::test_the_code_of_a_page_runs[docs/pytorch.md]" "$@"
}
