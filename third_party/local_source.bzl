# SPDX-License-Identifier: Apache-2.0
"""A repository of sources that are already on the machine, linked to and never copied."""

def _absolute(workspace, place):
    return place if place.startswith("/") else "{}/{}".format(workspace, place)

def _find(ctx):
    """Returns the path of the directory to use, or stops with one sentence that says what to do."""
    workspace = ctx.path(Label("//:WORKSPACE")).dirname
    variable = ctx.attr.variable
    named = ctx.os.environ.get(variable, "")
    places = [_absolute(workspace, place) for place in ([named] if named else ctx.attr.candidates)]
    for place in places:
        if ctx.path("{}/{}".format(place, ctx.attr.marker)).exists:
            return place
    if named:
        fail("{what} were not found: {variable}={named} holds no {marker}; set it to a directory that does, or unset it and run './run setup'.".format(
            marker = ctx.attr.marker,
            named = named,
            variable = variable,
            what = ctx.attr.description,
        ))
    fail("{what} were not found in {places}: run './run setup', or set {variable} to a directory that holds {marker}.".format(
        marker = ctx.attr.marker,
        places = " or ".join(places),
        variable = variable,
        what = ctx.attr.description,
    ))

def _local_source_impl(ctx):
    directory = _find(ctx)
    for name in ctx.attr.contents:
        ctx.symlink("{}/{}".format(directory, name), name)
    ctx.symlink(ctx.attr.build_file, "BUILD")

local_source = repository_rule(
    implementation = _local_source_impl,
    attrs = {
        "build_file": attr.label(mandatory = True, doc = "Our BUILD file for these sources."),
        "candidates": attr.string_list(mandatory = True, doc = "Directories to try in turn, absolute or relative to the workspace's root."),
        "contents": attr.string_list(mandatory = True, doc = "The entries of the directory to link to."),
        "description": attr.string(mandatory = True, doc = "What these sources are, in the plural, for the error message."),
        "marker": attr.string(mandatory = True, doc = "A file that shows that a directory is the right one."),
        "variable": attr.string(mandatory = True, doc = "The environment variable that names the directory; it has precedence over the candidates."),
    },
    # `environ` cannot depend on an attribute, hence the list of all variables in use.
    environ = [
        "FLATBUFFERS_INCLUDE",
        "GOOGLETEST_SOURCES",
        "OPENCL_HEADERS",
        "TFLITE_HEADERS",
        "XXHASH_INCLUDE",
    ],
    local = True,
)
