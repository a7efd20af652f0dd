/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/realm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/time.h"
#include "sec/credential.h"
#include "tests/bench/measure.h"

const char *realm_path(char path[REALM_PATH_MAX], const char *name)
{
    const char *folder = getenv("MANTLE_LAB");

    if (!folder) measure_fail("this runs inside `mantle lab exec` only");
    if (snprintf(path, REALM_PATH_MAX, "%s/%s", folder, name) >= (int)REALM_PATH_MAX)
        measure_fail("the lab's path is too long");
    return path;
}

Authority *realm_authority(const char *keytab)
{
    char config[REALM_PATH_MAX], keys[REALM_PATH_MAX];
    SecFailure failure = {0};
    Authority *authority = NULL;
    const AuthorityOptions options = {.krb5_config = realm_path(config, "krb5.conf"),
                                      .acceptor_keytab = keytab ? realm_path(keys, keytab) : NULL};

    if (authority_new_linked(&options, &authority, &failure) != 0)
        measure_fail("no authority: %s", failure.sentence);
    return authority;
}

Authority *realm_remote_authority(const char *socket)
{
    char path[REALM_PATH_MAX];
    SecFailure failure = {0};
    Authority *authority = NULL;

    if (authority_new_remote(&(AuthorityRemoteOptions){.path = realm_path(path, socket)}, &authority,
                             &failure) != 0)
        measure_fail("no authority: %s", failure.sentence);
    return authority;
}

Token *realm_alice(Authority *authority)
{
    char path[REALM_PATH_MAX];
    const LogonSpec spec = {.source = LOGON_CCACHE,
                            .path = realm_path(path, "users/alice.ccache"),
                            .forwardable = true,
                            .deadline = time_after(10 * NS_PER_SECOND)};
    _cleanup_(logon_freep) Logon *logon = NULL;
    IoWait wait;

    int r = logon_new(authority, &spec, &logon);
    while (r == 0 && (r = logon_step(logon, &wait)) == SEC_WAIT)
        r = io_wait(&wait);
    if (r != 0)
        measure_fail("alice cannot log on: %s", logon ? logon_failure(logon)->sentence : "out of memory");
    return logon_take_token(logon);
}

Token *realm_another(const Token *token)
{
    Token *another = NULL;

    if (token_duplicate(token, TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_DELEGATION, &another) != 0)
        measure_fail("no further token");
    return another;
}

size_t realm_kdc_requests(void)
{
    char path[REALM_PATH_MAX], line[4096];
    size_t requests = 0;
    FILE *log = fopen(realm_path(path, "kdc.log"), "re");

    if (!log) measure_fail("%s: %m", path);
    while (fgets(line, sizeof(line), log))
        if (strstr(line, "_REQ ")) requests++;
    fclose(log);
    return requests;
}
