/* SPDX-License-Identifier: Apache-2.0 */
/* The object and the callers of IHard (tests/idl/hard.idl): every type, touched to its last byte on both
 * sides. */
#pragma once
#include "ndr/testing.h"
#define COBJMACROS
#include "hard.h"

extern IHard hard_object;

/* One caller makes one or two calls on the proxy and frees what it got. When `check` is set the call must
 * succeed and the results must be right; else any failure will do. */
typedef struct HardCaller {
    const char *name;
    void (*run)(IHard *proxy, bool check);
} HardCaller;
extern const HardCaller hard_callers[];
extern const size_t hard_callers_count;

/* Set where the peer's HRESULT may be any: then a refused call cannot be told from a method that failed. */
extern bool hard_peer_may_refuse;

size_t hard_text_length(const WCHAR *text);
WCHAR *hard_text_dup(const WCHAR *text);
void hard_tree_touch(const Tree *tree);
Tree *hard_tree_dup(const Tree *tree);
void hard_tree_free(Tree *tree);
