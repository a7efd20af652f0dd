/* SPDX-License-Identifier: Apache-2.0 */
/* The steps that an object executes for its caller (com-wire.h). */
#include "tests/realm/com-wire.h"
#include <oleauto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARGUMENTS_MAX 3

typedef struct Run {
    IWire *self, *peer, *proxy; /* the proxy is owned */
    char *arguments[ARGUMENTS_MAX];
    char *inner; /* the steps in brackets, or NULL */
} Run;

static char *word(HRESULT hr)
{
    char *text = NULL;
    if (hr == S_OK) return strdup("ok");
    return asprintf(&text, "0x%08X", (unsigned)hr) < 0 ? NULL : text;
}

static char *last_error(BOOL ok)
{
    return word(ok ? S_OK : HRESULT_FROM_WIN32(GetLastError()));
}

static char *step_who(Run *run)
{
    return wire_caller();
}

static char *step_server(Run *run)
{
    LPOLESTR name = NULL;
    HRESULT hr = CoQueryClientBlanket(NULL, NULL, &name, NULL, NULL, NULL, NULL);
    char *text = FAILED(hr) ? word(hr) : name ? wire_narrow(name) : strdup("-");
    CoTaskMemFree(name);
    return text;
}

static char *step_made(Run *run)
{
    return strdup(wire_object_maker(run->self));
}

static char *step_impersonate(Run *run)
{
    return word(CoImpersonateClient());
}

static char *step_revert(Run *run)
{
    return word(CoRevertToSelf());
}

static char *step_impersonating(Run *run)
{
    IServerSecurity *security = NULL;
    HRESULT hr = CoGetCallContext(&IID_IServerSecurity, (void **)&security);
    if (FAILED(hr)) return word(hr);
    BOOL yes = IServerSecurity_IsImpersonating(security);
    IServerSecurity_Release(security);
    return strdup(yes ? "yes" : "no");
}

static char *step_level(Run *run)
{
    HANDLE token = NULL;
    DWORD length;
    SECURITY_IMPERSONATION_LEVEL level;
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token))
        return GetLastError() == ERROR_NO_TOKEN ? strdup("-") : last_error(FALSE);
    BOOL ok = GetTokenInformation(token, TokenImpersonationLevel, &level, sizeof(level), &length);
    char *text =
        ok ? strdup(wire_word(wire_levels, (DWORD)level + RPC_C_IMP_LEVEL_ANONYMOUS)) : last_error(FALSE);
    CloseHandle(token);
    return text;
}

static char *act_as(HANDLE token)
{
    if (!token) return last_error(FALSE);
    char *text = last_error(SetThreadToken(NULL, token));
    CloseHandle(token);
    return text;
}

static char *step_set(Run *run)
{
    return act_as(wire_logon(run->arguments[0]));
}

static char *step_weak(Run *run)
{
    return act_as(wire_logon_at(run->arguments[0], SecurityIdentification));
}

static char *step_self(Run *run)
{
    return last_error(RevertToSelf());
}

/* One for all objects of the process; tests use it from one call at a time. */
static HANDLE taken;

static char *step_take(Run *run)
{
    if (taken) CloseHandle(taken);
    taken = NULL;
    return last_error(OpenThreadToken(GetCurrentThread(), TOKEN_QUERY | TOKEN_IMPERSONATE, TRUE, &taken));
}

static char *step_act(Run *run)
{
    return taken ? last_error(SetThreadToken(NULL, taken)) : strdup("none");
}

static char *open_proxy(Run *run, DWORD context)
{
    if (run->proxy) IWire_Release(run->proxy);
    return word(wire_open(run->arguments[0], (unsigned)atoi(run->arguments[1]), context, &run->proxy));
}

static char *step_open(Run *run)
{
    return open_proxy(run, 0);
}

static char *step_cloaked(Run *run)
{
    return open_proxy(run, CLSCTX_ENABLE_CLOAKING);
}

static char *step_blanket(Run *run)
{
    return word(wire_blanket(run->proxy, wire_value(wire_levels, run->arguments[1]),
                             wire_value(wire_cloakings, run->arguments[0])));
}

static char *step_call(Run *run)
{
    return wire_who(run->proxy);
}

static char *step_aside(Run *run)
{
    IWireAside *aside = NULL;
    HRESULT hr = IWire_QueryInterface(run->proxy, &IID_IWireAside, (void **)&aside);
    if (FAILED(hr)) return word(hr);
    char *seen = wire_who_aside(aside);
    IWireAside_Release(aside);
    return seen;
}

static char *step_keep(Run *run)
{
    return word(IWire_Hold(run->self, run->proxy));
}

static char *step_held(Run *run)
{
    if (run->proxy) IWire_Release(run->proxy);
    run->proxy = wire_object_held(run->self);
    return strdup(run->proxy ? "ok" : "none");
}

static char *bracketed(char *report)
{
    char *text = NULL;
    if (!report || asprintf(&text, "[%s]", report) < 0) text = NULL;
    free(report);
    return text;
}

static char *step_go(Run *run)
{
    return bracketed(wire_run(run->proxy, run->inner, run->self));
}

static char *step_peer(Run *run)
{
    return wire_who(run->peer);
}

static char *step_back(Run *run)
{
    return bracketed(wire_run(run->peer, run->inner, run->self));
}

static char *step_why(Run *run)
{
    IErrorInfo *error = NULL;
    BSTR sentence = NULL;
    if (GetErrorInfo(0, &error) == S_OK) {
        (void)IErrorInfo_GetDescription(error, &sentence); /* without one the answer is "-" */
        IErrorInfo_Release(error);
    }
    char *text = sentence ? wire_narrow(sentence) : strdup("-");
    SysFreeString(sentence);
    if (!text || !strstr(text, run->arguments[0])) return text;
    free(text);
    return strdup("ok");
}

static char *step_sleep(Run *run)
{
    long milliseconds = atol(run->arguments[0]);
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
    return strdup("ok");
}

/* What a step needs besides its arguments. */
enum { NEEDS_NOTHING, NEEDS_PROXY, NEEDS_PEER };

static const struct {
    const char *name;
    char *(*execute)(Run *run);
    unsigned arguments, needs;
    bool inner;
} steps_known[] = {
    {"who", step_who, 0, NEEDS_NOTHING, false},
    {"server", step_server, 0, NEEDS_NOTHING, false},
    {"made", step_made, 0, NEEDS_NOTHING, false},
    {"impersonate", step_impersonate, 0, NEEDS_NOTHING, false},
    {"revert", step_revert, 0, NEEDS_NOTHING, false},
    {"impersonating", step_impersonating, 0, NEEDS_NOTHING, false},
    {"level", step_level, 0, NEEDS_NOTHING, false},
    {"set", step_set, 1, NEEDS_NOTHING, false},
    {"weak", step_weak, 1, NEEDS_NOTHING, false},
    {"self", step_self, 0, NEEDS_NOTHING, false},
    {"take", step_take, 0, NEEDS_NOTHING, false},
    {"act", step_act, 0, NEEDS_NOTHING, false},
    {"open", step_open, 2, NEEDS_NOTHING, false},
    {"cloaked", step_cloaked, 2, NEEDS_NOTHING, false},
    {"blanket", step_blanket, 2, NEEDS_PROXY, false},
    {"call", step_call, 0, NEEDS_PROXY, false},
    {"aside", step_aside, 0, NEEDS_PROXY, false},
    {"keep", step_keep, 0, NEEDS_PROXY, false},
    {"held", step_held, 0, NEEDS_NOTHING, false},
    {"go", step_go, 0, NEEDS_PROXY, true},
    {"peer", step_peer, 0, NEEDS_PEER, false},
    {"back", step_back, 0, NEEDS_PEER, true},
    {"why", step_why, 1, NEEDS_NOTHING, false},
    {"sleep", step_sleep, 1, NEEDS_NOTHING, false},
};

/* Cuts the next step off: its length, counting brackets. */
static size_t step_length(const char *text)
{
    size_t length = 0;
    for (int depth = 0; text[length] && (depth > 0 || text[length] != ' '); length++)
        depth += (text[length] == '[') - (text[length] == ']');
    return length;
}

/* "name:argument:argument" or "name[steps]": the number of arguments. */
static unsigned take_apart(Run *run, char *step)
{
    unsigned count = 0;
    char *open = strchr(step, '['), *rest = step;
    run->inner = NULL;
    if (open) {
        *open = '\0';
        run->inner = open + 1;
        run->inner[strlen(run->inner) - 1] = '\0';
    }
    (void)strsep(&rest, ":");
    while (rest && count < ARGUMENTS_MAX)
        run->arguments[count++] = strsep(&rest, ":");
    return count;
}

static char *execute(Run *run, char *step)
{
    unsigned count = take_apart(run, step);
    for (size_t i = 0; i < sizeof(steps_known) / sizeof(*steps_known); i++) {
        if (strcmp(steps_known[i].name, step) != 0) continue;
        bool fits = steps_known[i].arguments == count && steps_known[i].inner == (run->inner != NULL) &&
                    (steps_known[i].needs != NEEDS_PROXY || run->proxy) &&
                    (steps_known[i].needs != NEEDS_PEER || run->peer);
        return fits ? steps_known[i].execute(run) : strdup("impossible");
    }
    return strdup("unknown");
}

char *wire_steps(const char *steps, IWire *self, IWire *peer)
{
    Run run = {.self = self, .peer = peer};
    char *report = NULL;
    size_t size;
    FILE *out = open_memstream(&report, &size);
    for (const char *rest = steps; out && *rest;) {
        size_t length = step_length(rest);
        char *step = strndup(rest, length), *result = step ? execute(&run, step) : NULL;
        fprintf(out, "%s%s", rest == steps ? "" : " ", result ? result : "no-memory");
        free(result);
        free(step);
        rest += length;
        rest += strspn(rest, " ");
    }
    if (out) fclose(out);
    /* The release is this process's own affair, whoever the steps made of the thread. */
    if (run.proxy) IWire_Release(run.proxy);
    return report;
}
