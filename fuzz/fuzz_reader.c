/* fuzz_reader.c - any bytes as a snapshot: opened, checked, every part of it loaded, and everything asked. */
#include "exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    exercise_bytes(bytes, n_bytes, NULL, 64 << 20);
    exercise_questions(bytes, n_bytes, 64 << 20);
    return 0;
}
