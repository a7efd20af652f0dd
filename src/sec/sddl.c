/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing SDDL. A parser with one place in the text: every function reads from there on and
 * either moves it or has said what is wrong.
 */
#include "sec/sddl.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "sec/name.h"
#include "sec/sddl-private.h"

#define FIELDS_MIN 6 /* of an entry: type, flags, rights, two GUIDs, SID */
#define FIELD_MAX  256

typedef struct Parser {
    const char *text, *at;
    SddlFlags flags;
    SecFailure *failure;
    SecurityDescriptor result;
    bool seen_dacl, seen_sacl;
} Parser;

typedef struct Field {
    const char *text;
    size_t length;
} Field;

static int wrong(Parser *parser, const char *where, const char *expected)
{
    char quoted[SEC_QUOTE_SIZE];

    sec_failure_set(parser->failure, ERROR_INVALID_PARAMETER, "At character %zu, \"%s\": expected %s.",
                    (size_t)(where - parser->text) + 1, sec_quote(where, quoted), expected);
    return SEC_FAILED;
}

/* SIDs */

/* The text of a SID ends where SDDL's punctuation begins; inside an entry that is ';' or ')', else it is the
 * next part ("G:"), which no SID, abbreviation or name may contain. */
static size_t sid_text_length(const char *text, bool in_entry)
{
    size_t length = strcspn(text, in_entry ? ";)(" : ";)(:");

    if (!in_entry && text[length] == ':' && length > 0) length--;
    return length;
}

static int parse_sid_text(Parser *parser, const char *where, const char *text, Sid *ret_sid)
{
    bool names = parser->flags & SDDL_NAMES;
    SddlLetters letters = strlen(text) == 2 ? sddl_letters_sid(text, !names, ret_sid) : SDDL_UNKNOWN;

    if (letters == SDDL_KNOWN || sid_parse(text, ret_sid) == 0) return 0;
    if (letters == SDDL_OF_DOMAIN)
        return wrong(parser, where,
                     "a SID: these letters are relative to a domain, and no domain is known here");
    if (!names || !*text) return wrong(parser, where, "a SID or its abbreviation of two letters");
    return name_resolve(text, ret_sid, parser->failure);
}

static int parse_sid(Parser *parser, bool in_entry, Sid *ret_sid)
{
    char text[FIELD_MAX];
    const char *where = parser->at;
    size_t length = sid_text_length(where, in_entry);

    if (length >= sizeof(text)) return wrong(parser, where, "a SID");
    memcpy(text, where, length);
    text[length] = '\0';
    int r = parse_sid_text(parser, where, text, ret_sid);
    if (r == 0) parser->at = where + length;
    return r;
}

/* Entries */

static Field next_field(const char *text)
{
    return (Field){text, strcspn(text, ";)(")};
}

static int check_type(Parser *parser, AclKind kind, const Field *field, uint8_t *ret_type)
{
    switch (sddl_type_parse(field->text, field->length, ret_type)) {
    case SDDL_TYPE_KNOWN:
        break;
    case SDDL_TYPE_REFUSED:
        return wrong(parser, field->text,
                     "A or D (AU or ML in the system's list): nothing here evaluates other entries");
    case SDDL_TYPE_UNKNOWN:
        return wrong(parser, field->text, "the type of an entry, A or D");
    }
    bool is_dacl_type = *ret_type == ACE_TYPE_ALLOWED || *ret_type == ACE_TYPE_DENIED;
    if (is_dacl_type == (kind == ACL_DACL)) return 0;
    return wrong(parser, field->text, kind == ACL_DACL ? "A or D in D:" : "AU or ML in S:");
}

/* "(A;OICI;CCDC;;;AU)" */
static int parse_ace(Parser *parser, AclKind kind, Ace *ret_ace)
{
    Field fields[FIELDS_MIN - 1];
    const char *at = parser->at + 1;
    Ace ace = {0};
    int r;

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        fields[i] = next_field(at);
        at = fields[i].text + fields[i].length;
        if (*at != ';') return wrong(parser, parser->at, "six fields with ; between them in an entry");
        at++;
    }
    r = check_type(parser, kind, &fields[0], &ace.type);
    if (r != 0) return r;
    if (!sddl_flags_parse(fields[1].text, fields[1].length, &ace.flags))
        return wrong(parser, fields[1].text, "the flags of an entry, OI CI NP IO ID SA FA");
    if (!sddl_rights_parse(fields[2].text, fields[2].length, &ace.mask))
        return wrong(parser, fields[2].text, "rights, as pairs of letters or one number");
    if (fields[3].length || fields[4].length)
        return wrong(parser, fields[3].text, "no GUID: entries of objects are not evaluated here");
    parser->at = at;
    r = parse_sid(parser, true, &ace.sid);
    if (r != 0) return r;
    if (*parser->at != ')') return wrong(parser, parser->at, "the ) of an entry");
    parser->at++;
    *ret_ace = ace;
    return 0;
}

static int add_ace(Ace **aces, size_t *count, const Ace *ace)
{
    /* Grows by powers of two. */
    if ((*count & (*count - 1)) == 0) {
        Ace *larger = reallocarray(*aces, *count ? *count * 2 : 1, sizeof(*larger));

        if (!larger) return -ENOMEM;
        *aces = larger;
    }
    (*aces)[(*count)++] = *ace;
    return 0;
}

static int parse_aces(Parser *parser, AclKind kind, Acl **ret_acl)
{
    _cleanup_(freep) Ace *aces = NULL;
    const char *begin = parser->at;
    size_t count = 0;
    int r = 0;

    while (r == 0 && *parser->at == '(') {
        Ace ace = {0};

        if (count == ACL_ACES_MAX) return wrong(parser, parser->at, "fewer entries");
        r = parse_ace(parser, kind, &ace);
        if (r == 0) r = add_ace(&aces, &count, &ace);
    }
    if (r == 0) r = acl_new(kind, aces, count, ret_acl);
    return r == -E2BIG ? wrong(parser, begin, "a shorter list") : r;
}

/* Lists */

static bool take(Parser *parser, const char *word)
{
    size_t length = strlen(word);

    if (strncasecmp(parser->at, word, length) != 0) return false;
    parser->at += length;
    return true;
}

/* The flags of a list as bits of the descriptor's control word: those of the system's list lie one higher. */
static uint16_t list_flags(Parser *parser, AclKind kind, bool *ret_null)
{
    unsigned shift = kind == ACL_SACL ? 1 : 0;
    uint16_t control = 0;

    for (;;) {
        if (take(parser, "P"))
            control |= (uint16_t)(DESCRIPTOR_DACL_PROTECTED << shift);
        else if (take(parser, "AR"))
            control |= (uint16_t)(DESCRIPTOR_DACL_AUTO_REQ << shift);
        else if (take(parser, "AI"))
            control |= (uint16_t)(DESCRIPTOR_DACL_AUTO << shift);
        else if (take(parser, "NO_ACCESS_CONTROL"))
            *ret_null = true;
        else
            return control;
    }
}

static int parse_list(Parser *parser, AclKind kind, bool *seen, Acl **ret_acl)
{
    bool null = false;

    if (*seen) return wrong(parser, parser->at, "each list once");
    *seen = true;
    parser->result.control |= list_flags(parser, kind, &null);
    parser->result.control |=
        (uint16_t)(kind == ACL_DACL ? DESCRIPTOR_DACL_PRESENT : DESCRIPTOR_SACL_PRESENT);
    if (!null) return parse_aces(parser, kind, ret_acl);
    return *parser->at == '(' ? wrong(parser, parser->at, "no entries after NO_ACCESS_CONTROL") : 0;
}

static int parse_somebody(Parser *parser, bool *seen, Sid *ret_sid)
{
    if (*seen) return wrong(parser, parser->at, "owner and group once each");
    *seen = true;
    return parse_sid(parser, false, ret_sid);
}

static int parse_part(Parser *parser)
{
    if (take(parser, "O:")) return parse_somebody(parser, &parser->result.has_owner, &parser->result.owner);
    if (take(parser, "G:")) return parse_somebody(parser, &parser->result.has_group, &parser->result.group);
    if (take(parser, "D:")) return parse_list(parser, ACL_DACL, &parser->seen_dacl, &parser->result.dacl);
    if (take(parser, "S:")) return parse_list(parser, ACL_SACL, &parser->seen_sacl, &parser->result.sacl);
    return wrong(parser, parser->at, "O: G: D: or S:");
}

int sddl_parse(const char *text, SddlFlags flags, SecurityDescriptor **ret_descriptor,
               SecFailure *ret_failure)
{
    Parser parser = {.text = text, .at = text, .flags = flags, .failure = ret_failure};
    int r = 0;

    if (strnlen(text, SDDL_LENGTH_MAX + 1) > SDDL_LENGTH_MAX) {
        sec_failure_set(ret_failure, ERROR_INVALID_PARAMETER, "Longer than %u characters.", SDDL_LENGTH_MAX);
        return SEC_FAILED;
    }
    if (!*text) return wrong(&parser, text, "O: G: D: or S:");
    while (r == 0 && *parser.at)
        r = parse_part(&parser);
    if (r == 0) r = descriptor_new(&parser.result, ret_descriptor);
    if (r != 0) {
        free(parser.result.dacl);
        free(parser.result.sacl);
    }
    return r;
}

int sddl_sid_parse(const char *text, Sid *ret_sid)
{
    if (strlen(text) == 2 && sddl_letters_sid(text, true, ret_sid) == SDDL_KNOWN) return 0;
    return sid_parse(text, ret_sid);
}

/* Writing */

static void put(Writer *writer, const char *text)
{
    writer_bytes(writer, text, strlen(text));
}

static void put_sid(Writer *writer, const Sid *sid)
{
    const char *letters = sddl_sid_letters(sid);
    char text[SID_STRING_SIZE];

    if (!letters) sid_format(sid, text);
    put(writer, letters ? letters : text);
}

static void put_ace(Writer *writer, const Ace *ace)
{
    char text[SDDL_RIGHTS_TEXT];

    put(writer, "(");
    put(writer, sddl_type_letters(ace->type)); /* lists hold no others: acl_new() */
    put(writer, ";");
    sddl_flags_format(ace->flags, text);
    put(writer, text);
    put(writer, ";");
    sddl_rights_format(ace->mask, text);
    put(writer, text);
    put(writer, ";;;");
    put_sid(writer, &ace->sid);
    put(writer, ")");
}

static void put_list(Writer *writer, const char *name, uint16_t control, unsigned shift, const Acl *acl)
{
    put(writer, name);
    if (control & DESCRIPTOR_DACL_PROTECTED << shift) put(writer, "P");
    if (control & DESCRIPTOR_DACL_AUTO_REQ << shift) put(writer, "AR");
    if (control & DESCRIPTOR_DACL_AUTO << shift) put(writer, "AI");
    if (!acl) put(writer, "NO_ACCESS_CONTROL");
    for (size_t i = 0; acl && i < acl->count; i++)
        put_ace(writer, &acl->aces[i]);
}

int sddl_format(const SecurityDescriptor *descriptor, SddlParts parts, char **ret_text)
{
    uint16_t control = descriptor->control;
    uint8_t *text;
    Writer writer;
    size_t length;
    int r;

    writer_init(&writer, SDDL_LENGTH_MAX);
    if (parts.owner && descriptor->has_owner) {
        put(&writer, "O:");
        put_sid(&writer, &descriptor->owner);
    }
    if (parts.group && descriptor->has_group) {
        put(&writer, "G:");
        put_sid(&writer, &descriptor->group);
    }
    if (parts.dacl && control & DESCRIPTOR_DACL_PRESENT)
        put_list(&writer, "D:", control, 0, descriptor->dacl);
    if (parts.sacl && control & DESCRIPTOR_SACL_PRESENT)
        put_list(&writer, "S:", control, 1, descriptor->sacl);
    writer_u8(&writer, 0);
    r = writer_take(&writer, &text, &length);
    writer_deinit(&writer);
    if (r < 0) return r;
    *ret_text = (char *)text;
    return 0;
}
