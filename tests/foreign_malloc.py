"""A memory allocator that is not glibc's, to be preloaded: it gives every large block back to the system at once."""

import shutil
import subprocess
from pathlib import Path

import pytest

_SOURCE = """
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

#define LARGE (1 << 20)
#define MOST 4096
static struct { void *start; size_t size; } blocks[MOST];

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (size >= LARGE && alignment <= 4096)
        for (int n = 0; n < MOST; n++)
            if (!blocks[n].start) {
                void *start = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (start == MAP_FAILED) return ENOMEM;
                blocks[n].start = *result = start;
                blocks[n].size = size;
                return 0;
            }
    *result = __libc_memalign(alignment, size);
    return *result ? 0 : ENOMEM;
}

void free(void *start) {
    if (start && !((uintptr_t)start & 4095))
        for (int n = 0; n < MOST; n++)
            if (blocks[n].start == start) {
                blocks[n].start = 0;
                munmap(start, blocks[n].size);
                return;
            }
    __libc_free(start);
}
"""


def foreign_malloc(folder: Path) -> str:
    """The file to preload; a test that needs one is skipped where no C compiler is at hand."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler (cc)")
    source, library = folder / "foreign.c", folder / "foreign-malloc.so"
    source.write_text(_SOURCE)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    return str(library)
