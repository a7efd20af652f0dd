/* SPDX-License-Identifier: Apache-2.0 */
/* MantleGetConfiguration and MantleCheckConfiguration: what is in force, and whether it can work. */
#define COBJMACROS
#include <mantle_config.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "com/access.h"
#include "com/errorinfo.h"
#include "com/process.h"
#include "com/runtime.h"
#include "combaseapi.h"
#include "conf/classes.h"
#include "rpcdce.h"
#include "stringapiset.h"
#include "winerror.h"

#define FINDINGS_MAX 5u

typedef struct Findings {
    MantleFinding *list;
    ULONG count;
} Findings;

/* Settings */

static const CHAR *put_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

MANTLE_API HRESULT MantleGetConfiguration(ULONG *pcSettings, MantleSetting **ppSettings)
{
    const Conf *conf;
    size_t size = CONF_COUNT * sizeof(MantleSetting);
    if (!pcSettings || !ppSettings) return E_POINTER;
    *pcSettings = 0;
    *ppSettings = NULL;
    HRESULT hr = process_conf(&conf);
    if (FAILED(hr)) return hr;
    for (int id = 0; id < CONF_COUNT; id++)
        size += strlen(conf_section(id)) + strlen(conf_name(id)) + strlen(conf_text(conf, id)) +
                strlen(conf_origin(conf, id)) + 4;
    MantleSetting *settings = CoTaskMemAlloc(size);
    if (!settings) return E_OUTOFMEMORY;
    char *at = (char *)(settings + CONF_COUNT);
    for (int id = 0; id < CONF_COUNT; id++)
        settings[id] = (MantleSetting){.Section = put_text(&at, conf_section(id)),
                                       .Key = put_text(&at, conf_name(id)),
                                       .Value = put_text(&at, conf_text(conf, id)),
                                       .Origin = put_text(&at, conf_origin(conf, id))};
    *pcSettings = CONF_COUNT;
    *ppSettings = settings;
    return S_OK;
}

/* Findings */

static void found(Findings *findings, HRESULT result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void found(Findings *findings, HRESULT result, const char *format, ...)
{
    va_list arguments;
    MantleFinding *finding = &findings->list[findings->count++];
    finding->Result = result;
    va_start(arguments, format);
    (void)vsnprintf(finding->Text, sizeof(finding->Text), format, arguments); /* cut is good enough */
    va_end(arguments);
}

/* The sentence of what just failed, narrow; the code where there is none. */
static void found_error(Findings *findings, HRESULT result, const char *what)
{
    IErrorInfo *error = NULL;
    BSTR text = NULL;
    char sentence[sizeof(((MantleFinding *)NULL)->Text) - 128];
    (void)snprintf(sentence, sizeof(sentence), "0x%08X", (unsigned)result);
    if (GetErrorInfo(0, &error) == S_OK) {
        if (SUCCEEDED(IErrorInfo_GetDescription(error, &text)) && text)
            (void)WideCharToMultiByte(CP_UTF8, 0, text, -1, sentence, sizeof(sentence), NULL, NULL);
        SysFreeString(text);
        IErrorInfo_Release(error);
    }
    found(findings, result, "%s: %s", what, sentence);
}

static void try_acceptor(Findings *findings)
{
    Authority *authority;
    HRESULT hr = process_authority(&authority);
    if (FAILED(hr)) {
        found_error(findings, hr, "verifying callers");
    } else if (authority_accepts(authority, RPC_C_AUTHN_GSS_KERBEROS)) {
        found(findings, S_OK, "verifying callers: Kerberos%s",
              authority_accepts(authority, RPC_C_AUTHN_WINNT) ? ", NTLM" : "");
    } else {
        found(
            findings, S_FALSE,
            "verifying callers: not with Kerberos: keytab= is not set, or is not for this account to read%s",
            authority_accepts(authority, RPC_C_AUTHN_WINNT) ? "; NTLM" : "");
    }
}

/* To have nothing to show is a remark only for whom nothing was configured. */
static void try_identity(Findings *findings, const Conf *conf)
{
    Token *token;
    HRESULT hr = process_token(&token);
    bool wanted = conf_string(conf, CONF_SECURITY_CCACHE) ||
                  (process_can_accept() && !conf_string(conf, CONF_AUTHORITY_SOCKET));
    if (SUCCEEDED(hr))
        found(findings, S_OK, "acting as: %s", token_principal(token));
    else
        found_error(findings, hr == SEC_E_NO_CREDENTIALS && !wanted ? S_FALSE : hr, "acting as");
}

static void try_hosts(Findings *findings, const Conf *conf)
{
    RemoteTable *table;
    const char *path = conf_string(conf, CONF_RESOLVER_HOSTS_FILE);
    HRESULT hr = path ? runtime_remote(&table) : S_OK;
    if (FAILED(hr))
        found_error(findings, hr, "hosts");
    else if (path)
        found(findings, S_OK, "hosts: %s", path);
}

static void try_classes(Findings *findings, const Conf *conf)
{
    _cleanup_(conf_classes_freep) ConfClasses *classes = NULL;
    _cleanup_(freep) char *error = NULL;
    const char *path = conf_string(conf, CONF_PATHS_CLASSES);
    int r = conf_classes_load(path, &classes, &error);
    if (r < 0)
        found(findings, HRESULT_FROM_WIN32(ERROR_INVALID_DATA), "classes: %s", error ? error : strerror(-r));
    else
        found(findings, conf_classes_count(classes) ? S_OK : S_FALSE, "classes: %s lets %zu be served", path,
              conf_classes_count(classes));
}

/* Who may call and activate; those of classes and AppIDs, too. */
static void try_permissions(Findings *findings)
{
    HRESULT hr = access_check_configuration();
    if (FAILED(hr))
        found_error(findings, hr, "permissions");
    else
        found(findings, S_OK, "permissions: all of them can be evaluated");
}

MANTLE_API HRESULT MantleCheckConfiguration(ULONG *pcFindings, MantleFinding **ppFindings)
{
    const Conf *conf;
    Findings findings = {0};
    if (!pcFindings || !ppFindings) return E_POINTER;
    *pcFindings = 0;
    *ppFindings = NULL;
    HRESULT hr = process_conf(&conf);
    if (FAILED(hr)) return hr;
    findings.list = CoTaskMemAlloc(FINDINGS_MAX * sizeof(*findings.list));
    if (!findings.list) return E_OUTOFMEMORY;
    try_acceptor(&findings);
    try_identity(&findings, conf);
    try_hosts(&findings, conf);
    try_classes(&findings, conf);
    try_permissions(&findings);
    *pcFindings = findings.count;
    *ppFindings = findings.list;
    return S_OK;
}
