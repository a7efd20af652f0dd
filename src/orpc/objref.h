/* SPDX-License-Identifier: Apache-2.0 */
/* OBJREF: the marshaled form of an object reference ([MS-DCOM] 2.2.18), and MInterfacePointer, which carries
 * it. */
#pragma once
#include "orpc/binding.h"

#define OBJREF_SIGNATURE 0x574f454du /* "MEOW" */
#define OBJREF_STANDARD  0x00000001u
#define OBJREF_HANDLER   0x00000002u
#define OBJREF_CUSTOM    0x00000004u
#define OBJREF_EXTENDED  0x00000008u
#define SORF_NOPING      0x00001000u
#define OBJREF_SIZE_MAX  (4u * 1024 * 1024) /* of one MInterfacePointer */

typedef struct StdObjref {
    uint32_t flags;       /* SORF_NOPING */
    uint32_t public_refs; /* that the holder has to release */
    uint64_t oxid, oid;
    Guid ipid;
} StdObjref;

/* A view: `resolver` and `data` point into the bytes it was parsed from. */
typedef struct Objref {
    uint32_t kind; /* exactly one of OBJREF_* */
    Guid iid;
    StdObjref std;            /* all but CUSTOM */
    Bindings resolver;        /* all but CUSTOM */
    Guid clsid;               /* HANDLER: of the handler; CUSTOM: of the unmarshaler; EXTENDED: dataID */
    uint32_t custom_reserved; /* CUSTOM: sent as it is, ignored when received */
    const uint8_t *data;      /* CUSTOM: pObjectData; EXTENDED: the envoy context without padding */
    size_t data_length;
} Objref;

/* The packet form and the NDR form have the same 40 bytes; the NDR form is aligned to 8. */
void std_objref_read(Reader *reader, StdObjref *ret_std);
void std_objref_write(Writer *writer, const StdObjref *std);

/* Exactly these bytes. 0, -EBADMSG (also: a null IID, several kinds, bytes left over). */
int objref_parse(const void *bytes, size_t length, Objref *ret_objref) must_use;
void objref_write(Writer *writer, const Objref *objref);

/* MInterfacePointer in NDR, without the referent: maximum count, ulCntData, bytes. The two counts must agree.
 */
void interface_pointer_read(Reader *reader, const uint8_t **ret_data, size_t *ret_length);
void interface_pointer_write(Writer *writer, const void *data, size_t length);
/* The same written in place: begin, write the OBJREF, end with what begin returned. */
size_t interface_pointer_begin(Writer *writer);
void interface_pointer_end(Writer *writer, size_t start);
