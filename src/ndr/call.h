/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one call owns while its arguments cross the wire, and the cursor over its bytes.
 *
 * Ownership. On the server, [in] data, the storage behind [ref] pointers and [out] arrays lie in the arena
 * and die with it. What hangs below an [in, out] parameter lies on the heap, because the method may free and
 * replace it; so does all that the client receives. Everything that must be given back when the call fails
 * (heap blocks, interfaces, BSTRs, marshalled OBJREFs) is in the journal from the moment it exists.
 *
 * Errors. Any function here may end the call by ndr_raise(), a longjmp to ndr_guard(). So no function between
 * owns anything that is not in the journal, in the arena, or the caller's.
 */
#pragma once
#include "base/arena.h"
#include "ndr/proxy.h"

/* Most memory that decoding may take: a fixed part, and so much per byte received (the dearest honest case is
 * an array of NULL pointers to BSTRs, 4 bytes for about 60). */
#define NDR_BUDGET_BASE     (64u * 1024)
#define NDR_BUDGET_PER_BYTE 64u
/* Most memory that [in] sizes alone can make a server provide for [out] arrays. */
#define NDR_BUDGET_OUT     (4u * 1024 * 1024)
#define NDR_DEPTH_MAX      200u     /* pointers to structures with pointers to ... */
#define NDR_REFERENT_FIRST 0x20000u /* Windows' first referent id; the next ones follow by 4 */

typedef enum NdrOp { NDR_PUT, NDR_GET, NDR_FREE } NdrOp;

typedef enum NdrOwned {
    NDR_OWNED_BLOCK,
    NDR_OWNED_INTERFACE,
    NDR_OWNED_BSTR,
    NDR_OWNED_USER,
    NDR_OWNED_OBJREF
} NdrOwned;
typedef struct NdrUndo {
    void *pointer;
    const USER_MARSHAL_ROUTINE_QUADRUPLE *routines; /* of a user-marshalled value */
    size_t offset, length;                          /* of an OBJREF, in the writer */
    NdrOwned kind;
    bool in_out; /* the method may already have freed it */
} NdrUndo;

/* An embedded pointer whose target follows later on the wire. */
typedef struct NdrDeferred {
    const uint8_t *type;
    uint8_t *slot, *base;
} NdrDeferred;

/* Something the wire said about an argument that must be equal to another argument, known at the end. */
typedef struct NdrExpectation {
    const uint8_t *correlation;
    uint64_t value, mask;
} NdrExpectation;

#define NDR_INLINE 8u /* so many of each need no memory from the arena */

typedef struct NdrCall {
    NdrOp op;
    bool server;
    bool heap;   /* GET: targets of embedded pointers come from the heap, else from the arena */
    bool in_out; /* the parameter being walked is [in, out]; server only */
    unsigned depth;
    uint32_t referent;
    size_t budget; /* what GET may still allocate */
    Arena *arena;
    Reader *reader;
    Writer *writer;
    PMIDL_STUB_DESC description;
    const NdrHooks *hooks;
    void *hooks_context;
    uint8_t *stack; /* the argument slots that correlations refer to */
    uint8_t *base;  /* the structure being walked */

    /* Client: the memory beside an [in, out] argument into which a reply is being read, and the argument. */
    uint8_t *shadow, *shadowed;
    size_t shadow_size;
    struct NdrReference *references; /* VARIANTs by reference that were read; newest first */

    NdrUndo *journal;
    size_t journal_count, journal_capacity;
    NdrDeferred *deferred;
    size_t deferred_count, deferred_capacity;
    NdrExpectation *expected;
    size_t expected_count, expected_capacity;
    NdrUndo journal_inline[NDR_INLINE];
    NdrDeferred deferred_inline[NDR_INLINE];
    NdrExpectation expected_inline[NDR_INLINE];
} NdrCall;

/* Prepares a call that owns nothing. The arena must outlive it. */
void ndr_call_init(NdrCall *call, PMIDL_STUB_DESC description, Arena *arena);
/* Sets direction and bytes, and forgets what the last pass deferred and expected. */
void ndr_call_put(NdrCall *call, Writer *writer);
void ndr_call_get(NdrCall *call, Reader *reader);
void ndr_call_free(NdrCall *call);
/* Gives back everything in the journal, newest first, and empties it. */
void ndr_call_undo(NdrCall *call);
/* After the method: forgets the [in, out] entries, which the method and the FREE pass took over, and, when
 * the reply will be sent, its OBJREFs; undoes the rest. */
void ndr_call_release_in(NdrCall *call, bool sent);
/* The receiver of the data took everything over. */
void ndr_call_keep(NdrCall *call);

/* Zeroed memory; raises. Charged to the budget. */
void *ndr_call_alloc(NdrCall *call, size_t size);
void *ndr_call_alloc_arena(NdrCall *call, size_t size);
/* Memory as large as what the caller already has: not charged. */
void *ndr_call_alloc_shadow(NdrCall *call, size_t size);
/* Makes room for one journal entry, so that nothing can fail between getting a thing and owning it. */
void ndr_call_reserve(NdrCall *call);
NdrUndo *ndr_call_own(NdrCall *call, NdrOwned kind, void *pointer);
void ndr_call_defer(NdrCall *call, const uint8_t *type, void *slot);
void ndr_call_expect(NdrCall *call, const uint8_t *correlation, uint64_t value, uint64_t mask);
/* Raises RPC_X_BAD_STUB_DATA unless every expectation holds. */
void ndr_call_verify(NdrCall *call);

/* Ends the guarded step that is running on this thread. */
_Noreturn void ndr_raise(uint32_t code);
/* Runs step(context): 0, or the code it raised (never 0). The only setjmp. */
uint32_t ndr_guard(void (*step)(void *context), void *context) must_use;
