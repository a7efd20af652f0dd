/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers between the types that a VARIANT may have: exact where they are decimal, double where they are not.
 * Text is the same in every locale. */
#pragma once
#include <oleauto.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/cleanup.h"

#define NUMBER_SCALE_MAX 28u
#define NUMBER_TEXT_MAX  48u /* more than the text of any number has */

typedef struct Number {
    bool is_real;
    double real;
    bool negative;            /* not real: */
    unsigned __int128 digits; /* below 2^96 */
    unsigned scale;           /* divided by 10 to this */
} Number;

Number number_of_integer(int64_t value);
Number number_of_unsigned(uint64_t value);
Number number_of_real(double value);
Number number_of_currency(CY value);
/* False: the scale or the sign is none. */
bool number_of_decimal(const DECIMAL *value, Number *ret_number) must_use;
/* Blanks, a sign, digits with a point, an exponent, blanks. DISP_E_TYPEMISMATCH, DISP_E_OVERFLOW. */
HRESULT number_of_text(const WCHAR *text, size_t length, Number *ret_number) must_use;

/* Rounded to the even neighbour where two are as near. DISP_E_OVERFLOW. */
HRESULT number_to_integer(const Number *number, int64_t low, int64_t high, int64_t *ret_value) must_use;
HRESULT number_to_unsigned(const Number *number, uint64_t high, uint64_t *ret_value) must_use;
HRESULT number_to_currency(const Number *number, CY *ret_value) must_use;
/* Of a double its 15 digits. */
HRESULT number_to_decimal(const Number *number, DECIMAL *ret_value) must_use;
double number_to_real(const Number *number);
/* A double with so many significant digits, anything else exactly and without zeroes at its end. */
void number_to_text(const Number *number, int digits, char text[NUMBER_TEXT_MAX]);
