/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc-client ADDRESS ENDPOINT [SERVICE LEVEL DOMAIN USER PASSWORD]: a Windows program that calls a server's
 * IObjectExporter, mgmt and activation over rpcrt4's own transport, endpoint "" by its endpoint mapper.
 * Prints what came back, one line a call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plain.h"

static const char *what;
static void *resume[5];

void *__RPC_USER MIDL_user_allocate(SIZE_T size)
{
    return calloc(1, size);
}

void __RPC_USER MIDL_user_free(void *data)
{
    free(data);
}

/* What rpcrt4 raises. */
static LONG WINAPI unhandled(EXCEPTION_POINTERS *exception)
{
    printf("%s raises %lu\n", what, exception->ExceptionRecord->ExceptionCode);
    __builtin_longjmp(resume, 1);
}

static void alive(RPC_BINDING_HANDLE server)
{
    what = "ServerAlive";
    if (__builtin_setjmp(resume) == 0) printf("%s %lu\n", what, c_ServerAlive(server));
}

static void alive2(RPC_BINDING_HANDLE server)
{
    WVERSION version;
    WBINDINGS *bindings = NULL;
    ULONG reserved = 1;
    what = "ServerAlive2";
    if (__builtin_setjmp(resume) != 0) return;
    ULONG status = c_ServerAlive2(server, &version, &bindings, &reserved);
    printf("%s %lu %u.%u %lu ", what, status, version.major, version.minor, reserved);
    for (unsigned i = 0; bindings && i < bindings->security; i++)
        putchar(bindings->text[i] > 32 ? bindings->text[i] : ' ');
    putchar('\n');
}

static void resolve(RPC_BINDING_HANDLE server)
{
    hyper oxid = 0x4711;
    unsigned short sequence = 7;
    WBINDINGS *bindings = NULL;
    GUID unknown;
    ULONG hint;
    WVERSION version;
    what = "ResolveOxid2";
    if (__builtin_setjmp(resume) == 0)
        printf("%s %lu\n", what,
               c_ResolveOxid2(server, &oxid, 1, &sequence, &bindings, &unknown, &hint, &version));
}

/* The interfaces, as rpcrt4 itself asks for them, and by widl's stubs. */
static void interfaces(RPC_BINDING_HANDLE server)
{
    WIFIDS *found = NULL;
    ULONG status = 1;
    what = "inq_if_ids";
    if (__builtin_setjmp(resume) != 0) return;
    c_InqIfIds(server, &found, &status);
    printf("%s %lu", what, status);
    for (unsigned i = 0; found && i < found->n; i++)
        printf(" %08lx-%u.%u", found->ids[i]->id.Data1, found->ids[i]->major, found->ids[i]->minor);
    putchar('\n');
}

static void principal(RPC_BINDING_HANDLE server)
{
    char name[256] = "";
    ULONG status = 1;
    what = "inq_princ_name";
    if (__builtin_setjmp(resume) != 0) return;
    c_InqPrincName(server, 16, sizeof(name), name, &status);
    printf("%s %lu %s\n", what, status, name);
}

static void create(RPC_BINDING_HANDLE server)
{
    WTHIS header = {.version = {5, 7}};
    WTHAT answer = {0};
    WOBJREF *made = NULL;
    what = "RemoteCreateInstance";
    if (__builtin_setjmp(resume) == 0)
        printf("%s %08lx\n", what, c_CreateInstance(server, &header, &answer, NULL, NULL, &made));
}

/* Where the endpoint mapper says the interface is. */
static void endpoint(RPC_BINDING_HANDLE server)
{
    RPC_CSTR text = NULL;
    RPC_STATUS status = RpcEpResolveBinding(server, c_Exporter_v0_0_c_ifspec);
    if (status == RPC_S_OK) status = RpcBindingToStringBindingA(server, &text);
    printf("RpcEpResolveBinding %ld %s\n", status, text ? (char *)text : "");
}

static RPC_STATUS bind_to(char **arguments, int count, RPC_BINDING_HANDLE *ret_server)
{
    RPC_CSTR text;
    SEC_WINNT_AUTH_IDENTITY_A who = {.Flags = SEC_WINNT_AUTH_IDENTITY_ANSI};
    RPC_STATUS status = RpcStringBindingComposeA(NULL, (RPC_CSTR) "ncacn_ip_tcp", (RPC_CSTR)arguments[1],
                                                 (RPC_CSTR)arguments[2], NULL, &text);
    if (status == RPC_S_OK) status = RpcBindingFromStringBindingA(text, ret_server);
    if (status != RPC_S_OK || count < 8) return status;
    who.Domain = (unsigned char *)arguments[5];
    who.DomainLength = (ULONG)strlen(arguments[5]);
    who.User = (unsigned char *)arguments[6];
    who.UserLength = (ULONG)strlen(arguments[6]);
    who.Password = (unsigned char *)arguments[7];
    who.PasswordLength = (ULONG)strlen(arguments[7]);
    return RpcBindingSetAuthInfoA(*ret_server, NULL, (ULONG)atoi(arguments[4]), (ULONG)atoi(arguments[3]),
                                  &who, 0);
}

int main(int argc, char **argv)
{
    RPC_BINDING_HANDLE server = NULL;
    RPC_STATUS status = argc >= 3 ? bind_to(argv, argc, &server) : RPC_S_INVALID_ARG;
    if (status != RPC_S_OK) {
        printf("no binding: %ld\n", status);
        return 1;
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    SetUnhandledExceptionFilter(unhandled);
    if (!*argv[2]) endpoint(server);
    alive(server);
    alive2(server);
    resolve(server);
    interfaces(server);
    principal(server);
    create(server);
    RpcBindingFree(&server);
    return 0;
}
