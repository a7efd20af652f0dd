/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as NEGOTIATE (first byte 1), CHALLENGE (2), AUTHENTICATE (3), or a user file (0), whose first two
 * lines say whom to look for.
 *
 * Decoder: src/sec/ntlm-message.c (read_.*|name_is_fit|ntlm_(negotiate|challenge|authenticate)_read|ntlm_name_text)
 * Decoder: src/sec/ntlm-user-file.c (ntlm_user_text_find|user_make|password_read|hash_read|digit|line_.*|same|flags_disable|take_.*|name_is_fit)
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "sec/ntlm-message.h"
#include "sec/ntlm-user-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool within(NtlmBytes part, const uint8_t *data, size_t size)
{
    return part.length == 0 || (part.data >= data && part.length <= size - (size_t)(part.data - data));
}

static void check_authenticate(const uint8_t *data, size_t size)
{
    NtlmAuthenticate message;
    if (ntlm_authenticate_read(data, size, &message) != 0) return;
    assert(within(message.domain, data, size) && within(message.user, data, size));
    assert(within(message.lm_response, data, size) && within(message.nt_response, data, size));
    assert(within(message.target, data, size));
    if (message.anonymous) return;
    assert(message.user.length > 0 && message.nt_response.length >= NTLM_RESPONSE_MIN);
    assert(!message.mic || message.mic + NTLM_KEY <= data + size);
    _cleanup_(freep) char *user = NULL;
    if (ntlm_name_text(message.user, &user) != 0) abort(); /* what was accepted is a text */
    assert(strlen(user) > 0 && strlen(user) <= 3 * NTLM_NAME_MAX);
}

static void check_challenge(const uint8_t *data, size_t size)
{
    NtlmChallenge challenge;
    if (ntlm_challenge_read(data, size, &challenge) != 0) return;
    assert(challenge.challenge >= data && challenge.challenge + NTLM_CHALLENGE <= data + size);
}

/* A line of the input as a text; `*at` moves behind it. */
static char *take_line(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *newline = memchr(*at, '\n', (size_t)(end - *at));
    char *line = strndup((const char *)*at, (size_t)((newline ? newline : end) - *at));
    *at = newline ? newline + 1 : end;
    return line;
}

static void check_users(const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size;
    _cleanup_(freep) char *domain = take_line(&at, end), *user = take_line(&at, end);
    _cleanup_(freep) char *text = malloc((size_t)(end - at) + 1);
    NtlmUser found = {NULL};
    unsigned line = 0;
    if (!domain || !user || !text) return;
    memcpy(text, at, (size_t)(end - at));
    const NtlmUserQuery query = {.own_domain = "HOST", .domain = domain, .user = user};
    if (ntlm_user_text_find(text, (size_t)(end - at), &query, &found, &line) != 0) return;
    /* Who is found is who was asked for, and can be taken for nobody of Kerberos. */
    assert(strcasecmp(found.user, user) == 0 && ntlm_user_name_is_fit(found.user));
    assert(strcasecmp(found.domain, domain) == 0 || strcasecmp(found.domain, "HOST") == 0);
    assert(!strchr(found.domain, '@') && !strchr(found.domain, '\\'));
    ntlm_user_deinit(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t flags;
    if (size == 0) return 0;
    uint8_t *block = malloc(size - 1 ? size - 1 : 1);
    if (!block) return 0;
    memcpy(block, data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        check_users(block, size - 1);
        break;
    case 1:
        if (ntlm_negotiate_read(block, size - 1, &flags) == 0) assert(size - 1 >= 32);
        break;
    case 2:
        check_challenge(block, size - 1);
        break;
    case 3:
        check_authenticate(block, size - 1);
        break;
    }
    free(block);
    return 0;
}
