"""Is this interpreter one that tonnage supports?

Also run as a program, by the build and by `tonnage run`, with interpreters that tonnage knows nothing of: so nothing
here needs Python 3. Ends with 6, after a line that says what was found, where that is not supported.
"""

import sys
import sysconfig

KNOWN = "not supported; tonnage knows CPython 3.11 to 3.15 with the global interpreter lock"
NAMES = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalPy"}


def unsupported():
    # type: () -> str
    """What it is, as in `FILE is …`; empty when it is supported. Loads the build's configuration: not for every run."""
    name = getattr(getattr(sys, "implementation", None), "name", "cpython")
    version = ".".join(str(number) for number in sys.version_info[:3])
    build = ""
    if name != "cpython":
        return NAMES.get(name, name) + " (Python " + version + "): " + KNOWN
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        build = "a free-threaded build of "
    elif hasattr(sys, "gettotalrefcount"):
        build = "a debug build of "
    elif hasattr(sys, "getobjects"):
        build = "a trace-refs build of "
    elif (3, 11) <= sys.version_info[:2] <= (3, 15):
        return ""
    return build + "CPython " + version + ": " + KNOWN


if __name__ == "__main__":
    what = unsupported()
    if what:
        print(what)
        sys.exit(6)
