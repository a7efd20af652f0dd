/* SPDX-License-Identifier: Apache-2.0 */
/* A security failure as a value: the documented code, and a sentence that says what failed, why and what to
 * change. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEC_SENTENCE_MAX 512

/* Conditions of the functions of sec/ that can wait or fail for the peer's reasons. */
enum {
    SEC_WAIT = 1,   /* call step again when *ret_wait is ready */
    SEC_FAILED = 2, /* see the object's SecFailure */
    SEC_RESTART =
        3 /* the initiator corrected its clock: send its output as a new leg 1 on a new connection */
};

typedef struct SecFailure {
    uint32_t code;                   /* <winerror.h>: SEC_E_*, or a Win32 code below 0x10000 */
    char sentence[SEC_SENTENCE_MAX]; /* UTF-8, no key, ticket or password in it */
} SecFailure;

/* Whether Kerberos had nobody to ask: no KDC answers, or none is known for the realm. It says nothing about
 * who is who, so that Negotiate may go on with NTLM. */
bool sec_failure_is_no_kdc(const SecFailure *failure);

/* Fills a failure; printf-like. Foreign strings in the arguments go through sec_quote(). */
void sec_failure_set(SecFailure *failure, uint32_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define SEC_QUOTE_SIZE 160

/* A stranger's string made fit for a terminal or a log: what is not printable UTF-8 becomes '?', what is too
 * long is cut. Returns `quoted`. */
const char *sec_quote(const char *text, char quoted[SEC_QUOTE_SIZE]);
