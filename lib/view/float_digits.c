/* float_digits.c - the fewest digits of a float that read back the same, as repr(float) has them.
 *
 * Most floats are between 1/10000 and 10^15. There the value, times the power of ten that leaves 17 digits before the point,
 * is a product of two integers shifted right by less than 70 bits: 128 bits hold it, and whatever is asked of it, exactly.
 * The C library, which has to try, tells the rest.
 */
#include "view/view.h"

#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide; /* no ISO C, which -Wpedantic tells */

enum { MANTISSA = DBL_MANT_DIG - 1, BIAS = 1075, MOST = DBL_DIG + 2 };
static const uint64_t tens[MOST + 1] = {1,
                                        10,
                                        100,
                                        1000,
                                        10000,
                                        100000,
                                        1000000,
                                        10000000,
                                        100000000,
                                        1000000000,
                                        10000000000,
                                        100000000000,
                                        1000000000000,
                                        10000000000000,
                                        100000000000000,
                                        1000000000000000,
                                        10000000000000000,
                                        100000000000000000};

/* scaled / 2^shift is the value in units of its last, 17th digit. Rounds it to n digits; is that still nearer to the value
 * than to any other? near / 2 is half the distance of floats there. */
static bool round_to(wide scaled, unsigned shift, wide near, bool even, int n, uint64_t *out)
{
    uint64_t unit = tens[MOST - n], kept = (uint64_t)(scaled >> shift);
    kept -= kept % unit;
    wide rest = 2 * (scaled - ((wide)kept << shift)), middle = (wide)unit << shift;
    if (rest > middle || (rest == middle && (kept / unit & 1))) {
        kept += unit;
        rest = 2 * middle - rest;
    }
    *out = kept;
    return rest < near || (rest == near && even);
}

/* Digits as an integer of 17, and the power of ten of the first. false: not in the range. */
static bool exactly(double value, uint64_t *digits, int *exponent)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t mantissa = (bits & (((uint64_t)1 << MANTISSA) - 1)) | (uint64_t)1 << MANTISSA;
    unsigned shift = BIAS - (unsigned)(bits >> MANTISSA & 2047);
    if (!(value >= 1e-4 && value < 1e15) || mantissa == (uint64_t)1 << MANTISSA) /* floats below 2^n are nearer */
        return false;
    int power = MOST - 1 - (((int)(bits >> MANTISSA & 2047) - 1023) * 1233 >> 12); /* of 2^n: log10(2) is 1233 / 4096 */
    wide factor = (wide)tens[power > MOST ? MOST : power] * tens[power > MOST ? power - MOST : 0];
    if ((mantissa * factor) >> shift >= tens[MOST]) {
        power--;
        factor /= 10;
    }
    int n = DBL_DIG;
    while (!round_to(mantissa * factor, shift, factor, !(mantissa & 1), n, digits) && n < MOST)
        n++;
    bool carried = *digits == tens[MOST];
    *digits /= carried ? 10 : 1;
    *exponent = MOST - 1 - power + carried;
    return true;
}

/* The same by trying. */
static void by_trying(double value, uint64_t *digits, int *exponent)
{
    char text[40];
    for (int n = 1; n <= MOST; n++) {
        snprintf(text, sizeof text, "%.*e", n - 1, value);
        *exponent = atoi(strchr(text, 'e') + 1);
        uint64_t number = (uint64_t)(text[0] - '0') * tens[n - 1] + (n > 1 ? strtoull(text + 2, NULL, 10) : 0);
        for (unsigned up = 0; up < 2;
             up++) { /* below 2^n floats are nearer: the number above may do where that below does not */
            snprintf(text, sizeof text, "%" PRIu64 "e%d", number + up, *exponent - (n - 1));
            *digits = (number + up) * tens[MOST - n];
            if (strtod(text, NULL) == value)
                return;
        }
    }
}

int tn__float_digits(double value, char *digits, int *exponent)
{
    uint64_t number;
    int n = MOST;
    if (!exactly(value, &number, exponent))
        by_trying(value, &number, exponent);
    for (int i = MOST; i-- > 0; number /= 10)
        digits[i] = (char)('0' + number % 10);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return n;
}
