/* SPDX-License-Identifier: Apache-2.0 */
/* The words of SDDL: [MS-DTYP] 2.5.1.1 and the table of abbreviations there. */
#include "sec/sddl-private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NT(...)                                                                                              \
    ((Sid){.count = sizeof((uint32_t[]){__VA_ARGS__}) / 4, .authority = 5, .subauthorities = {__VA_ARGS__}})
#define BUILTIN(rid)         NT(32, rid)
#define OTHER(first, second) ((Sid){.count = 1, .authority = (first), .subauthorities = {second}})

static const struct {
    char letters[3];
    Sid sid;
} sids[] = {
    {"WD", OTHER(1, 0)},
    {"CO", OTHER(3, 0)},
    {"CG", OTHER(3, 1)},
    {"OW", OTHER(3, 4)},
    {"NU", NT(2)},
    {"IU", NT(4)},
    {"SU", NT(6)},
    {"AN", NT(7)},
    {"ED", NT(9)},
    {"PS", NT(10)},
    {"AU", NT(11)},
    {"RC", NT(12)},
    {"SY", NT(18)},
    {"LS", NT(19)},
    {"NS", NT(20)},
    {"WR", NT(33)},
    {"BA", BUILTIN(544)},
    {"BU", BUILTIN(545)},
    {"BG", BUILTIN(546)},
    {"PU", BUILTIN(547)},
    {"AO", BUILTIN(548)},
    {"SO", BUILTIN(549)},
    {"PO", BUILTIN(550)},
    {"BO", BUILTIN(551)},
    {"RE", BUILTIN(552)},
    {"RU", BUILTIN(554)},
    {"RD", BUILTIN(555)},
    {"NO", BUILTIN(556)},
    {"MU", BUILTIN(558)},
    {"LU", BUILTIN(559)},
    {"IS", BUILTIN(568)},
    {"CY", BUILTIN(569)},
    {"ER", BUILTIN(573)},
    {"CD", BUILTIN(574)},
    {"RA", BUILTIN(575)},
    {"ES", BUILTIN(576)},
    {"MS", BUILTIN(577)},
    {"HA", BUILTIN(578)},
    {"AA", BUILTIN(579)},
    {"RM", BUILTIN(580)},
    {"LW", OTHER(16, 4096)},
    {"ME", OTHER(16, 8192)},
    {"MP", OTHER(16, 8448)},
    {"HI", OTHER(16, 12288)},
    {"SI", OTHER(16, 16384)},
    {"AS", OTHER(18, 1)},
    {"SS", OTHER(18, 2)},
};

/* Groups and accounts of a domain, or of a machine's own, which Mantle has none of. */
static const char of_domain[][3] = {"LA", "LG", "RO", "CN", "DA", "DU", "DG", "DC", "DD",
                                    "CA", "SA", "EA", "PA", "AP", "KA", "EK", "RS"};

typedef struct Word {
    char letters[3];
    uint32_t value;
} Word;

/* In the order in which they are written. The same bits have other letters where they are a file's or a
 * key's; those are read, and written only where they say the whole mask. */
static const Word rights[] = {
    {"CC", 0x1},        {"DC", 0x2},        {"LC", 0x4},     {"SW", 0x8},        {"RP", 0x10},
    {"WP", 0x20},       {"DT", 0x40},       {"LO", 0x80},    {"CR", 0x100},      {"SD", 0x10000},
    {"RC", 0x20000},    {"WD", 0x40000},    {"WO", 0x80000}, {"GA", 0x10000000}, {"GX", 0x20000000},
    {"GW", 0x40000000}, {"GR", 0x80000000},
};
static const Word composed[] = {
    {"FA", 0x1F01FF}, {"FR", 0x120089}, {"FW", 0x120116}, {"FX", 0x1200A0},
    {"KA", 0xF003F},  {"KR", 0x20019},  {"KW", 0x20006},
};
/* Read only: of mandatory labels, and KX, which is KR. */
static const Word read_only[] = {{"KX", 0x20019}, {"NW", 0x1}, {"NR", 0x2}, {"NX", 0x4}};

static const Word flags_words[] = {
    {"OI", ACE_OBJECT_INHERIT}, {"CI", ACE_CONTAINER_INHERIT}, {"NP", ACE_NO_PROPAGATE},
    {"IO", ACE_INHERIT_ONLY},   {"ID", ACE_INHERITED},         {"SA", ACE_SUCCESSFUL},
    {"FA", ACE_FAILED},
};

static const struct {
    char letters[3];
    uint8_t type;
} types[] = {{"A", ACE_TYPE_ALLOWED}, {"D", ACE_TYPE_DENIED}, {"AU", ACE_TYPE_AUDIT}, {"ML", ACE_TYPE_LABEL}};
static const char refused_types[][3] = {"AL", "OA", "OD", "OU", "OL", "XA", "XD",
                                        "ZA", "XU", "RA", "SP", "TL", "FL"};

const char *sddl_sid_letters(const Sid *sid)
{
    for (size_t i = 0; i < ARRAY_SIZE(sids); i++)
        if (sid_equal(&sids[i].sid, sid)) return sids[i].letters;
    return NULL;
}

SddlLetters sddl_letters_sid(const char *letters, bool any_case, Sid *ret_sid)
{
    int (*compare)(const char *, const char *, size_t) = any_case ? strncasecmp : strncmp;

    for (size_t i = 0; i < ARRAY_SIZE(sids); i++) {
        if (compare(sids[i].letters, letters, 2) != 0) continue;
        *ret_sid = sids[i].sid;
        return SDDL_KNOWN;
    }
    for (size_t i = 0; i < ARRAY_SIZE(of_domain); i++)
        if (compare(of_domain[i], letters, 2) == 0) return SDDL_OF_DOMAIN;
    return SDDL_UNKNOWN;
}

static bool format_words(const Word *words, size_t count, uint32_t value, char text[SDDL_RIGHTS_TEXT])
{
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        if ((value & words[i].value) != words[i].value) continue;
        memcpy(text + used, words[i].letters, 2);
        used += 2;
        value &= ~words[i].value;
    }
    text[used] = '\0';
    return value == 0;
}

void sddl_rights_format(uint32_t mask, char text[SDDL_RIGHTS_TEXT])
{
    for (size_t i = 0; i < ARRAY_SIZE(composed); i++) {
        if (composed[i].value != mask) continue;
        memcpy(text, composed[i].letters, 3);
        return;
    }
    if (mask && format_words(rights, ARRAY_SIZE(rights), mask, text)) return;
    (void)snprintf(text, SDDL_RIGHTS_TEXT, "0x%x", (unsigned)mask);
}

static bool find_word(const Word *words, size_t count, const char *text, uint32_t *value)
{
    for (size_t i = 0; i < count; i++) {
        if (strncasecmp(words[i].letters, text, 2) != 0) continue;
        *value |= words[i].value;
        return true;
    }
    return false;
}

static bool parse_number(const char *text, size_t length, uint32_t *ret_value)
{
    char copy[16], *end;

    if (length >= sizeof(copy)) return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    unsigned long long value = strtoull(copy, &end, 0);
    if (*end || value > UINT32_MAX) return false;
    *ret_value = (uint32_t)value;
    return true;
}

bool sddl_rights_parse(const char *text, size_t length, uint32_t *ret_mask)
{
    uint32_t mask = 0;

    if (length && text[0] >= '0' && text[0] <= '9') return parse_number(text, length, ret_mask);
    if (length % 2) return false;
    for (size_t i = 0; i < length; i += 2)
        if (!find_word(rights, ARRAY_SIZE(rights), text + i, &mask) &&
            !find_word(composed, ARRAY_SIZE(composed), text + i, &mask) &&
            !find_word(read_only, ARRAY_SIZE(read_only), text + i, &mask))
            return false;
    *ret_mask = mask;
    return true;
}

void sddl_flags_format(uint8_t flags, char text[SDDL_RIGHTS_TEXT])
{
    (void)format_words(flags_words, ARRAY_SIZE(flags_words), flags, text);
}

bool sddl_flags_parse(const char *text, size_t length, uint8_t *ret_flags)
{
    uint32_t flags = 0;

    if (length % 2) return false;
    for (size_t i = 0; i < length; i += 2)
        if (!find_word(flags_words, ARRAY_SIZE(flags_words), text + i, &flags)) return false;
    *ret_flags = (uint8_t)flags;
    return true;
}

const char *sddl_type_letters(uint8_t type)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (types[i].type == type) return types[i].letters;
    return NULL;
}

SddlType sddl_type_parse(const char *text, size_t length, uint8_t *ret_type)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (strlen(types[i].letters) != length || strncasecmp(types[i].letters, text, length) != 0) continue;
        *ret_type = types[i].type;
        return SDDL_TYPE_KNOWN;
    }
    for (size_t i = 0; i < ARRAY_SIZE(refused_types); i++)
        if (length == 2 && strncasecmp(refused_types[i], text, 2) == 0) return SDDL_TYPE_REFUSED;
    return SDDL_TYPE_UNKNOWN;
}
