/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences for people: the error object of the thread, as this library itself sets it. */
#pragma once
#include "oleauto.h"
#include "sec/failure.h"

/* Sets the thread's error object to a sentence (UTF-8, cut at SEC_SENTENCE_MAX) and returns `code`, so that a
 * failing function ends in `return com_error(E_X, "...")`. Foreign strings among the arguments are escaped by
 * the caller. Short of memory the sentence is lost, never the code. */
HRESULT com_error(HRESULT code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for a failure of sec/: Win32 codes become HRESULTs. */
HRESULT com_error_from_failure(const SecFailure *failure);
