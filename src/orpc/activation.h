/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The activation properties BLOB ([MS-DCOM] 2.2.22): what IRemoteSCMActivator is asked and what it answers.
 *
 * A blob is a list of properties, each a CLSID and a pickle (NDR type serialization version 1,
 * [MS-RPCE] 2.2.6). Decoded structures are views into the bytes they came from. Every property has a parse
 * and a write function; at the end of this file are the two whole messages.
 */
#pragma once
#include <wtypes.h>
#include "orpc/objref.h"
#include "orpc/orpcthis.h"

#define ACTIVATION_PROPERTIES_MAX 10   /* MAX_ACTPROP_LIMIT */
#define ACTIVATION_IIDS_MAX       1024 /* interfaces of one request; [MS-DCOM] 2.2.28.1 allows 0x8000 */
#define ACTIVATION_PROTSEQS_MAX   64

extern const Guid CLSID_ACTIVATION_IN;  /* of the OBJREF_CUSTOM that carries a request */
extern const Guid CLSID_ACTIVATION_OUT; /* of that of a reply; also of the PropsOutInfo property */
extern const Guid CLSID_INSTANTIATION_INFO, CLSID_SPECIAL_PROPERTIES, CLSID_ACTIVATION_CONTEXT,
    CLSID_SERVER_LOCATION, CLSID_SECURITY_INFO, CLSID_SCM_REQUEST, CLSID_SCM_REPLY, CLSID_INSTANCE_INFO;

typedef struct ActivationProperty {
    Guid clsid;
    const uint8_t *data; /* the pickle with its headers and padding: a multiple of 8 when written */
    size_t length;
} ActivationProperty;

typedef struct ActivationBlob {
    uint32_t destination; /* destCtx */
    uint32_t count;
    ActivationProperty properties[ACTIVATION_PROPERTIES_MAX];
} ActivationBlob;

/* The OBJREF_CUSTOM of a request (`clsid` CLSID_ACTIVATION_IN) or reply (CLSID_ACTIVATION_OUT). 0, -EBADMSG.
 */
int activation_blob_parse(const void *objref, size_t length, const Guid *clsid,
                          ActivationBlob *ret_blob) must_use;
void activation_blob_write(Writer *writer, const Guid *clsid, const ActivationBlob *blob);
/* NULL when there is none. */
const ActivationProperty *activation_blob_find(const ActivationBlob *blob, const Guid *clsid);

/* Properties. parse: 0 or -EBADMSG. */
#define ACTIVATION_DISABLE_AAA 0x00000002u /* actvflags */
typedef struct InstantiationInfo {
    Guid clsid;
    uint32_t class_context, flags;
    uint32_t iid_count;
    const uint8_t *iids; /* 16 bytes each: activation_guid() */
    ComVersion client;
} InstantiationInfo;
int instantiation_info_parse(const ActivationProperty *property, InstantiationInfo *ret_info) must_use;
void instantiation_info_write(Writer *writer, const InstantiationInfo *info);
Guid activation_guid(const uint8_t *array, uint32_t index);

#define ACTIVATION_ANY_SESSION 0xffffffffu
typedef struct SpecialProperties {
    uint32_t session_id, remote_session;
    uint32_t client_impersonating; /* emitted faithfully, never trusted (facts ACT-7) */
    uint32_t has_partition, default_authn_level;
    Guid partition;
    uint32_t prt_flags;
    uint32_t original_class_context; /* the CLSCTX bits, ENABLE_CLOAKING among them */
    uint32_t flags;
} SpecialProperties;
int special_properties_parse(const ActivationProperty *property, SpecialProperties *ret_special) must_use;
void special_properties_write(Writer *writer, const SpecialProperties *special);

/* Two OBJREFs with a marshaled context each; `data` NULL: none. */
typedef struct ActivationContext {
    const uint8_t *client, *prototype;
    size_t client_length, prototype_length;
} ActivationContext;
int activation_context_parse(const ActivationProperty *property, ActivationContext *ret_context) must_use;
void activation_context_write(Writer *writer, const ActivationContext *context);
/* The OBJREF of a client context without properties ([MS-DCOM] 2.2.20). */
void client_context_write(Writer *writer, const Guid *context_id);

/* Everything in it is ignored by servers, but it has to be there. */
int server_location_parse(const ActivationProperty *property) must_use;
void server_location_write(Writer *writer);

typedef struct SecurityInfo {
    bool has_server;       /* pServerInfo */
    const uint8_t *server; /* UTF-16LE with NUL; NULL: none */
    uint32_t server_units;
} SecurityInfo;
int security_info_parse(const ActivationProperty *property, SecurityInfo *ret_info) must_use;
void security_info_write(Writer *writer, const SecurityInfo *info);

typedef struct ScmRequest {
    uint32_t client_level;
    uint16_t protseq_count;
    uint16_t protseqs[ACTIVATION_PROTSEQS_MAX];
} ScmRequest;
int scm_request_parse(const ActivationProperty *property, ScmRequest *ret_request) must_use;
void scm_request_write(Writer *writer, const ScmRequest *request);

typedef struct ScmReply {
    uint64_t oxid;
    Bindings bindings; /* of the exporter, with endpoints */
    Guid rem_unknown;
    uint32_t authn_hint;
    ComVersion server;
} ScmReply;
int scm_reply_parse(const ActivationProperty *property, ScmReply *ret_reply) must_use;
void scm_reply_write(Writer *writer, const ScmReply *reply);

typedef struct ActivationResult {
    Guid iid;
    HRESULT status;        /* 0 exactly when there is an OBJREF */
    const uint8_t *objref; /* in place */
    size_t objref_length;
} ActivationResult;
typedef struct PropsOut {
    uint32_t count;
    const uint8_t *iids, *statuses, *referents;
    Reader objrefs; /* checked; walked by props_out_next */
    uint32_t position;
} PropsOut;
int props_out_parse(const ActivationProperty *property, PropsOut *ret_props) must_use;
bool props_out_next(PropsOut *props, ActivationResult *ret_result);
void props_out_write(Writer *writer, const ActivationResult *results, uint32_t count);

/* Whole messages. `objref` is the content of pActProperties. Properties we do not know are ignored. */
typedef struct ActivationRequest {
    InstantiationInfo instantiation;
    SpecialProperties special;
    bool has_special;
    ScmRequest scm;
    ActivationContext context; /* client NULL: none was sent */
    bool has_instance_info;    /* persistent activation: the caller refuses it */
} ActivationRequest;
/* 0; -EBADMSG, also when a required property is missing or one appears twice. */
int activation_request_parse(const void *objref, size_t length, ActivationRequest *ret_request) must_use;
/* Instantiation, special properties, context, location and SCM request, as Windows does, without SecurityInfo
 * (which [MS-DCOM] 2.2.22.2.7 says not to send). 0, -ENOMEM. */
int activation_request_write(Writer *writer, const ActivationRequest *request) must_use;
/* 0, -EBADMSG. */
int activation_reply_parse(const void *objref, size_t length, PropsOut *ret_props,
                           ScmReply *ret_scm) must_use;
/* PropsOutInfo first: clients exist that read by position. 0, -ENOMEM. */
int activation_reply_write(Writer *writer, const ActivationResult *results, uint32_t count,
                           const ScmReply *scm) must_use;
