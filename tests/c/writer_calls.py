"""What writes a snapshot calls nothing of the C library that has state: no stdio, locale, malloc, lock or environment.

A capture may write in a copy of the process, made by clone while other threads were in the middle of anything.

Usage: python writer_calls.py libtonnage_write.a
"""

import re
import subprocess
import sys

SYSTEM = """
clock_gettime close fchmod fcntl fstat fsync getpid link linkat lstat madvise mmap mremap munmap open pread
pthread_sigmask read rename renameat2 sigtimedwait stat sync_file_range unlink write
"""
PURE = "memchr memcmp memcpy memmove memset sigaddset sigemptyset sigfillset strlen strrchr"
MATH = "exp expm1 hypot lgamma_r log sqrt"  # of stacks/spread.c, which no writer calls: without state as well
BY_CALLER = "free realloc"  # tn__alloc_libc, which a caller may give
COMPILER = re.compile(r"__(asan|tsan|ubsan|msan|sanitizer|gcov|stack_chk|assert_fail|errno_location|cyg)|_GLOBAL_")
OURS = re.compile(r"(tn_|ZSTD_)")


def main(archive: str) -> int:
    listed = subprocess.run(["nm", "-u", archive], capture_output=True, text=True, check=True).stdout
    called = {name.removesuffix("64") for name in re.findall(r"^ +[Uw] (\w+)", listed, re.M)}
    outside = {name for name in called if not COMPILER.match(name) and not OURS.match(name)}
    allowed = set(f"{SYSTEM} {PURE} {MATH} {BY_CALLER}".split())
    if not {"write", "linkat", "memcpy"} <= outside:
        print(f"only {sorted(outside)} found in {archive}: the pattern is out of date")
        return 1
    for name in sorted(outside - allowed):
        print(f"the writer calls {name}")
    return bool(outside - allowed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
