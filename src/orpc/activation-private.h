/* SPDX-License-Identifier: Apache-2.0 */
/* Pickles: NDR type serialization version 1 ([MS-RPCE] 2.2.6), as activation properties are written. */
#pragma once
#include "rpc/stub.h"

#define WELL_KNOWN(n)                                                                                        \
    {                                                                                                        \
        (n), 0, 0,                                                                                           \
        {                                                                                                    \
            0xc0, 0, 0, 0, 0, 0, 0, 0x46                                                                     \
        }                                                                                                    \
    }
#define DESTINATION_DIFFERENT_MACHINE 2 /* MSHCTX_DIFFERENTMACHINE */
#define PICKLE_HEADERS_SIZE           16

/* Reads the two headers and returns the object; what follows it in `reader` is padding and stays there. A
 * foreign byte order or version fails. */
Reader pickle_read(Reader *reader);
/* Returns where the pickle starts: a multiple of 8 of the writer, so that alignment counts from there as
 * well. */
size_t pickle_begin(Writer *writer);
/* Pads to 8 and patches the length. */
void pickle_end(Writer *writer, size_t start);
