/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ORPCTHIS and ORPCTHAT: what travels ahead of the arguments and results of every ORPC call
 * ([MS-DCOM] 2.2.13), and the error information extension that carries IErrorInfo (2.2.21.1 to 2.2.21.3).
 *
 * The readers and writers are those of the whole stub: alignment counts from its first byte.
 */
#pragma once
#include <uchar.h>
#include "base/cleanup.h"
#include "base/reader.h"
#include "base/writer.h"

#define COM_VERSION_MAJOR    5
#define COM_VERSION_MINOR    7
#define ORPC_EXTENTS_MAX     8            /* extents of one call */
#define ORPC_EXTENT_SIZE_MAX (64u * 1024) /* of one extent */
#define ORPC_ERROR_TEXT_MAX  4096         /* UTF-16 units of one string of the error information */

typedef struct ComVersion {
    uint16_t major, minor;
} ComVersion;
/* Whether we serve a client of this version: the same major number, no higher minor one. [MS-DCOM] 1.7 */
static inline bool com_version_is_supported(ComVersion client)
{
    return client.major == COM_VERSION_MAJOR && client.minor <= COM_VERSION_MINOR;
}
/* What a client says to a server of this version: the lower minor number. False: the major numbers differ. */
static inline bool com_version_negotiate(ComVersion server, ComVersion *ret_version)
{
    if (server.major != COM_VERSION_MAJOR) return false;
    *ret_version =
        (ComVersion){COM_VERSION_MAJOR, server.minor < COM_VERSION_MINOR ? server.minor : COM_VERSION_MINOR};
    return true;
}

typedef struct OrpcExtent {
    Guid id;
    const uint8_t *data; /* in place */
    uint32_t size;       /* without padding */
} OrpcExtent;

typedef struct OrpcThis {
    ComVersion version;
    uint32_t flags;
    Guid causality;
    uint32_t extent_count;
    OrpcExtent extents[ORPC_EXTENTS_MAX];
} OrpcThis;

typedef struct OrpcThat {
    uint32_t flags;
    uint32_t extent_count;
    OrpcExtent extents[ORPC_EXTENTS_MAX];
} OrpcThat;

void com_version_read(Reader *reader, ComVersion *ret_version);
void com_version_write(Writer *writer, ComVersion version);
void orpc_this_read(Reader *reader, OrpcThis *ret_this);
void orpc_this_write(Writer *writer, const OrpcThis *this_);
void orpc_that_read(Reader *reader, OrpcThat *ret_that);
void orpc_that_write(Writer *writer, const OrpcThat *that);

/* Error information. Strings are UTF-16 with NUL; NULL: not present. */
typedef struct OrpcErrorInfo {
    uint32_t help_context;
    Guid iid; /* of the interface that failed */
    const char16_t *source, *description, *help_file;
} OrpcErrorInfo;
extern const Guid ORPC_EXTENT_ERROR; /* CLSID_ERROR_EXTENSION */

/* Writes the content of an ORPC_EXTENT_ERROR extent. Longer strings are cut at ORPC_ERROR_TEXT_MAX. */
void orpc_error_info_write(Writer *writer, const OrpcErrorInfo *info);
/* Finds and decodes the error information among the extents. The strings are freed by orpc_error_info_deinit.
 * 0; -ENOENT: there is none; -EBADMSG: there is, but not in the custom format; -ENOMEM. */
int orpc_error_info_find(const OrpcExtent *extents, uint32_t count, OrpcErrorInfo *ret_info) must_use;
void orpc_error_info_deinit(OrpcErrorInfo *info);
