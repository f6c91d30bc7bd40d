# SPDX-License-Identifier: Apache-2.0
"""Stand-in for rules_java: the native rules of Bazel 4 under the names that its own tools load."""

java_binary = native.java_binary
java_import = native.java_import
java_library = native.java_library
java_package_configuration = native.java_package_configuration
java_plugin = native.java_plugin
java_proto_library = native.java_proto_library
java_runtime = native.java_runtime
java_test = native.java_test
java_toolchain = native.java_toolchain
