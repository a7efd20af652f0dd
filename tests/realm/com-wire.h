/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of COM over the wire (test-com-*.c) and their servers (com-server.c) share: the object, and
 * the steps it executes. They know Mantle by its public headers only.
 */
#pragma once
#define COBJMACROS
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <objbase.h>
#include <wire.h>

#define WIRE_REALM    "LAB.TEST"
#define WIRE_PASSWORD "secret"

/* Each server process serves one; the lab's --classes names as many. */
#define WIRE_CLSID(index)                                                                                    \
    ((CLSID){0x4D616E74, 0x6C65, 0x0001, {0x9B, 0x1E, 0x57, 0x69, 0x72, 0x65, 0x40, (index)}})
#define WIRE_NONE    0 /* by the cloaking of its process */
#define WIRE_STATIC  1
#define WIRE_DYNAMIC 2
#define WIRE_SINGLE  3 /* in a single-threaded apartment */
#define WIRE_SPARE   4 /* for whatever a test wants */

/* The words of steps and reports. */
typedef struct WireWord {
    const char *word;
    DWORD value;
} WireWord;
extern const WireWord wire_levels[], wire_cloakings[], wire_authn_levels[];
DWORD wire_value(const WireWord *words, const char *word);
const char *wire_word(const WireWord *words, DWORD value);
/* ASCII; freed with CoTaskMemFree and free. */
LPWSTR wire_wide(const char *text);
char *wire_narrow(LPCWSTR text);

/* One reference. */
IWire *wire_object_new(void);
/* What the last Hold of an object of this process gave it: a reference, or NULL. */
IWire *wire_object_held(IWire *object);
/* Whom the call of the class factory that made it showed: a failure's code where that was no call. */
const char *wire_object_maker(IWire *object);
unsigned wire_object_count(void);
extern IClassFactory wire_factory;

/* Whom the call on this thread shows; freed with free(). */
char *wire_caller(void);

/*
 * Executes steps and reports one word for each, "ok" or "0x..." where nothing else is said; freed with
 * free().
 *
 *   who                    whom this call shows
 *   server                 the principal that the caller of this call knows this server by, "-" when that is
 *                          not known
 *   made                   whom the call showed that made this object
 *   impersonate, revert    CoImpersonateClient, CoRevertToSelf
 *   impersonating          IServerSecurity::IsImpersonating: "yes" or "no"
 *   level                  of the thread's token, "-" when it has none
 *   set:USER, self         SetThreadToken with a logon of USER, RevertToSelf
 *   weak:USER              the same as set, at SecurityIdentification
 *   take, act              keeps the thread's token for later calls, SetThreadToken with it
 *   open:HOST:INDEX        activates, and the result is the proxy of the steps that follow
 *   cloaked:HOST:INDEX     the same with CLSCTX_ENABLE_CLOAKING
 *   blanket:CLOAKING:LEVEL CoSetProxyBlanket on it
 *   call, aside            whom IWire::Who, IWireAside::Who of it saw
 *   keep, held             IWire::Hold of this object takes the proxy; that is the proxy of the steps that
 * follow go[STEPS]              Run there, with this object as the peer peer                   whom
 * IWire::Who of the peer saw back[STEPS]            Run there, with this object as the peer why the sentence
 * of the last error, with _ for spaces; "-" for none sleep:MILLISECONDS
 */
char *wire_steps(const char *steps, IWire *self, IWire *peer);

/* What steps are made of, for tests that do the same in C. */
HRESULT wire_open(const char *host, unsigned index, DWORD context, IWire **ret_proxy);
HRESULT wire_blanket(void *proxy, DWORD level, DWORD capabilities);
/* An impersonation token; NULL when it fails. */
HANDLE wire_logon(const char *user);
HANDLE wire_logon_at(const char *user, SECURITY_IMPERSONATION_LEVEL level);
/* Whom the proxy's object saw, or the failure's code; freed with free(). */
char *wire_who(IWire *proxy);
char *wire_who_aside(IWireAside *proxy);
char *wire_run(IWire *proxy, const char *steps, IWire *peer);
