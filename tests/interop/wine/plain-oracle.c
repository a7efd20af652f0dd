/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain-oracle FILE: a Windows program that takes stubs to pieces and puts them together again by the code
 * that widl -Os makes of tests/idl/plain.idl. Each line NAME|INTERFACE|OPNUM|REQUEST|REPLY of the file is one
 * call: the server's stub reads the request, its method makes the same call as a client, the client's stub
 * reads the reply, and the server's stub writes it. Prints NAME|request|HEX and NAME|reply|HEX.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plain.h"

#define LINE_MAX 65536

typedef struct Bytes {
    uint8_t *data;
    ULONG length;
} Bytes;

static char name[96];
static Bytes reply;

static void print(const char *what, const void *data, ULONG length)
{
    printf("%s|%s|", name, what);
    for (ULONG i = 0; i < length; i++)
        printf("%02x", ((const uint8_t *)data)[i]);
    putchar('\n');
}

void *__RPC_USER MIDL_user_allocate(SIZE_T size)
{
    return calloc(1, size);
}

void __RPC_USER MIDL_user_free(void *data)
{
    free(data);
}

/* ---- the client's transport: sends nothing, receives the reply ---- */

unsigned char *WINAPI oracle_get_buffer(MIDL_STUB_MESSAGE *message, ULONG length, RPC_BINDING_HANDLE handle)
{
    /* Room to spare, as in widl.h. */
    message->BufferLength = length + WIDL_ROOM;
    message->RpcMsg->Buffer = message->BufferStart = message->Buffer = calloc(1, message->BufferLength);
    message->RpcMsg->BufferLength = message->BufferLength;
    message->BufferEnd = message->BufferStart + message->BufferLength;
    return message->Buffer;
}

unsigned char *WINAPI oracle_send_receive(MIDL_STUB_MESSAGE *message, unsigned char *end)
{
    print("request", message->RpcMsg->Buffer, (ULONG)(end - (uint8_t *)message->RpcMsg->Buffer));
    message->RpcMsg->Buffer = message->BufferStart = message->Buffer = reply.data;
    message->RpcMsg->BufferLength = message->BufferLength = reply.length;
    message->BufferEnd = message->BufferStart + message->BufferLength;
    message->RpcMsg->DataRepresentation = NDR_LOCAL_DATA_REPRESENTATION;
    return message->Buffer;
}

void WINAPI oracle_free_buffer(MIDL_STUB_MESSAGE *message)
{
    (void)message; /* the process ends soon */
}

RPC_STATUS WINAPI oracle_reply_buffer(RPC_MESSAGE *message)
{
    message->BufferLength += WIDL_ROOM;
    message->Buffer = calloc(1, message->BufferLength);
    return RPC_S_OK;
}

/* ---- the server's methods ---- */

ULONG s_ResolveOxid(handle_t h, hyper *oxid, unsigned short n, unsigned short sequences[],
                    WBINDINGS **bindings, GUID *unknown, ULONG *level)
{
    return c_ResolveOxid(h, oxid, n, sequences, bindings, unknown, level);
}

ULONG s_SimplePing(handle_t h, hyper *set)
{
    return c_SimplePing(h, set);
}

ULONG s_ComplexPing(handle_t h, hyper *set, unsigned short sequence, unsigned short n, unsigned short m,
                    hyper add[], hyper remove[], unsigned short *backoff)
{
    return c_ComplexPing(h, set, sequence, n, m, add, remove, backoff);
}

ULONG s_ServerAlive(handle_t h)
{
    return c_ServerAlive(h);
}

ULONG s_ResolveOxid2(handle_t h, hyper *oxid, unsigned short n, unsigned short sequences[],
                     WBINDINGS **bindings, GUID *unknown, ULONG *level, WVERSION *version)
{
    return c_ResolveOxid2(h, oxid, n, sequences, bindings, unknown, level, version);
}

ULONG s_ServerAlive2(handle_t h, WVERSION *version, WBINDINGS **bindings, ULONG *reserved)
{
    return c_ServerAlive2(h, version, bindings, reserved);
}

ULONG s_RemoteActivation(handle_t h, WTHIS *header, WTHAT *answer, const GUID *clsid, WCHAR *text,
                         WOBJREF *storage, ULONG level, ULONG mode, ULONG n, GUID *iids, unsigned short m,
                         unsigned short sequences[], hyper *oxid, WBINDINGS **bindings, GUID *unknown,
                         ULONG *hint, WVERSION *version, HRESULT *outcome, PWOBJREF *references, HRESULT *codes)
{
    return c_RemoteActivation(h, header, answer, clsid, text, storage, level, mode, n, iids, m, sequences,
                              oxid, bindings, unknown, hint, version, outcome, references, codes);
}

HRESULT s_GetClassObject(handle_t h, WTHIS *header, WTHAT *answer, WOBJREF *wanted, PWOBJREF *made)
{
    return c_GetClassObject(h, header, answer, wanted, made);
}

HRESULT s_CreateInstance(handle_t h, WTHIS *header, WTHAT *answer, WOBJREF *outer, WOBJREF *wanted,
                         PWOBJREF *made)
{
    return c_CreateInstance(h, header, answer, outer, wanted, made);
}

HRESULT s_Query(handle_t h, WTHIS *header, WTHAT *answer, const GUID *ipid, ULONG refs, unsigned short n,
                GUID *iids, WQIRESULT **results)
{
    return c_Query(h, header, answer, ipid, refs, n, iids, results);
}

HRESULT s_AddRef(handle_t h, WTHIS *header, WTHAT *answer, unsigned short n, WCOUNTREF refs[], HRESULT *codes)
{
    return c_AddRef(h, header, answer, n, refs, codes);
}

HRESULT s_Release(handle_t h, WTHIS *header, WTHAT *answer, unsigned short n, WCOUNTREF refs[])
{
    return c_Release(h, header, answer, n, refs);
}

HRESULT s_Query2(handle_t h, WTHIS *header, WTHAT *answer, const GUID *ipid, unsigned short n, GUID *iids,
                 HRESULT *codes, PWOBJREF *references)
{
    return c_Query2(h, header, answer, ipid, n, iids, codes, references);
}

void s_Map(handle_t h, GUID *object, WTOWER *tower, WHANDLE20 *handle, ULONG max, ULONG *n, PWTOWER *towers,
           ULONG *status)
{
    c_Map(h, object, tower, handle, max, n, towers, status);
}

void s_FreeHandle(handle_t h, WHANDLE20 *handle, ULONG *status)
{
    c_FreeHandle(h, handle, status);
}

void s_InqIfIds(handle_t h, WIFIDS **interfaces, ULONG *status)
{
    c_InqIfIds(h, interfaces, status);
}

void s_InqStats(handle_t h, ULONG *n, ULONG *statistics, ULONG *status)
{
    c_InqStats(h, n, statistics, status);
}

ULONG s_IsListening(handle_t h, ULONG *status)
{
    return c_IsListening(h, status);
}

void s_Stop(handle_t h, ULONG *status)
{
    c_Stop(h, status);
}

void s_InqPrincName(handle_t h, ULONG service, ULONG size, char text[], ULONG *status)
{
    c_InqPrincName(h, service, size, text, status);
}

/* Numbers of methods that are not of interest. */
#define UNUSED(method)                                                                                       \
    void s_##method(handle_t h)                                                                              \
    {                                                                                                        \
        abort();                                                                                             \
    }
UNUSED(Unused0)
UNUSED(Unused1)
UNUSED(Unused2)
UNUSED(Unused3)
UNUSED(Unused4)
UNUSED(Unused5)
UNUSED(Unused6)
UNUSED(Unused7)
UNUSED(Unused8)

/* ---- one line, one call ---- */

static Bytes bytes(const char *text)
{
    Bytes result = {malloc(strlen(text) / 2 + 8), 0};
    unsigned value;
    for (; sscanf(text, "%2x", &value) == 1; text += 2)
        result.data[result.length++] = (uint8_t)value;
    return result;
}

static RPC_IF_HANDLE interface_of(const char *text)
{
    static const struct {
        const char *name;
        RPC_IF_HANDLE *handle;
    } all[] = {{"Exporter", &s_Exporter_v0_0_s_ifspec},   {"Activation", &s_Activation_v0_0_s_ifspec},
               {"Activator", &s_Activator_v0_0_s_ifspec}, {"RemUnknown", &s_RemUnknown_v0_0_s_ifspec},
               {"Mapper", &s_Mapper_v3_0_s_ifspec},       {"Mgmt", &s_Mgmt_v1_0_s_ifspec}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(all[i].name, text) == 0) return *all[i].handle;
    return NULL;
}

static void *resume[5];

static LONG WINAPI unhandled(EXCEPTION_POINTERS *exception)
{
    printf("%s|died|%08lX\n", name, exception->ExceptionRecord->ExceptionCode);
    __builtin_longjmp(resume, 1);
}

static void call(const char *interface_name, unsigned number, Bytes request)
{
    RPC_SERVER_INTERFACE *server = interface_of(interface_name);
    RPC_MESSAGE message = {.Buffer = request.data,
                           .BufferLength = request.length,
                           .ProcNum = number,
                           .RpcInterfaceInformation = server,
                           .DataRepresentation = NDR_LOCAL_DATA_REPRESENTATION};
    if (!server || number >= server->DispatchTable->DispatchTableCount) abort();
    if (__builtin_setjmp(resume) != 0) return;
    server->DispatchTable->DispatchTable[number](&message);
    print("reply", message.Buffer, message.BufferLength);
}

int main(int argc, char **argv)
{
    static char line[LINE_MAX];
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!file) return 1;
    setvbuf(stdout, NULL, _IONBF, 0);
    SetUnhandledExceptionFilter(unhandled);
    while (fgets(line, sizeof(line), file)) {
        char *parts[5] = {line};
        for (int i = 1; i < 5; i++) {
            parts[i] = strchr(parts[i - 1], '|');
            if (!parts[i]) return 1;
            *parts[i]++ = 0;
        }
        snprintf(name, sizeof(name), "%s", parts[0]);
        reply = bytes(parts[4]);
        call(parts[1], (unsigned)atoi(parts[2]), bytes(parts[3]));
    }
    return 0;
}
